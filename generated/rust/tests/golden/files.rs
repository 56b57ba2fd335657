//! The files of golden vectors, as tests/golden/README.md says, and that none is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, MessageDescriptor};
use serde::Deserialize;
use serde_json::Value;
use stock_allocation_contract::FILE_DESCRIPTOR_SET;

const FOLDER: &str = "../../tests/golden/v1";
/// What a later version sends: fields and enum values that this one does not know, so that it cannot write the same bytes.
pub const LATER_VERSION: &str = "from a later version";

#[derive(Deserialize)]
pub struct Golden {
    pub message: String,
    pub subject: Option<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    pub vectors: Vec<Vector>,
}

#[derive(Deserialize)]
pub struct Vector {
    pub name: String,
    #[serde(deserialize_with = "hex::deserialize")]
    pub wire: Vec<u8>,
    pub json: Value,
}

pub static GOLDEN: LazyLock<Vec<Golden>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    let entries = std::fs::read_dir(&folder).expect("the folder of the golden vectors is there");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let golden: Vec<Golden> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            serde_json::from_slice(&std::fs::read(&path).expect("the file can be read")).expect("it has the known form")
        })
        .collect();
    assert!(!golden.is_empty(), "no golden vectors in {}", folder.display());
    golden
});

pub static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the exported descriptors are whole"));

pub fn descriptor_of(message: &str) -> MessageDescriptor {
    POOL.get_message_by_name(message).unwrap_or_else(|| panic!("the descriptors have no {message}"))
}

#[test]
fn golden_vectors_exist_for_every_message_of_the_contract() {
    let options = ["stock.allocation.v1.EventOptions"]; // describes the contract, and is never sent
    let messages = POOL.all_messages().filter(|message| message.package_name() == "stock.allocation.v1");
    let expected: BTreeSet<_> = messages
        .map(|message| message.full_name().to_owned())
        .filter(|name| !options.contains(&name.as_str()))
        .collect();
    let found: BTreeSet<_> = GOLDEN.iter().map(|golden| golden.message.clone()).collect();
    assert_eq!(found, expected);
}

#[test]
fn golden_files_have_the_vectors_that_say_most() {
    for golden in GOLDEN.iter() {
        for name in ["nothing set", "everything set", LATER_VERSION] {
            assert!(golden.vectors.iter().any(|vector| vector.name == name), "{} has no {name:?}", golden.message);
        }
    }
}
