//! Makes messages, client, subjects and constraint checks from the protos; nothing that it makes is committed.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost_reflect::DescriptorPool;
use prost_types::FileDescriptorSet;
use protox::Compiler;
use protox::file::{ChainFileResolver, DescriptorSetFileResolver, GoogleFileResolver, IncludeFileResolver};

const PACKAGE: &str = "stock.allocation.v1";

fn main() -> Result<(), Box<dyn Error>> {
    let protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protos");
    println!("cargo::rerun-if-changed={}", protos.display());
    let output = PathBuf::from(env::var("OUT_DIR")?);

    let mut contract = compile(&protos)?;
    generate_messages_and_client(contract.include_source_info(true).file_descriptor_set())?;
    fs::write(output.join("subjects.rs"), subjects(&contract.descriptor_pool())?)?;
    let descriptors = contract.include_source_info(false).encode_file_descriptor_set();
    generate_constraint_checks(descriptors.clone())?;
    fs::write(output.join("descriptors.binpb"), descriptors)?;
    Ok(())
}

fn compile(protos: &Path) -> Result<Compiler, Box<dyn Error>> {
    let mut sources = ChainFileResolver::new();
    sources.add(IncludeFileResolver::new(protos.to_owned()));
    sources.add(GoogleFileResolver::new());
    // buf/validate/validate.proto, as the last release had it. The protos themselves were found above.
    let released = fs::read(protos.join("released.binpb"))?;
    sources.add(DescriptorSetFileResolver::decode(released.as_slice())?);

    let mut compiler = Compiler::with_file_resolver(sources);
    compiler.include_imports(true);
    let mut names = fs::read_dir(protos.join(PACKAGE.replace('.', "/")))?
        .map(|entry| Ok(format!("{}/{}", PACKAGE.replace('.', "/"), entry?.file_name().display())))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    names.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "proto"));
    names.sort();
    compiler.open_files(names)?;
    Ok(compiler)
}

fn generate_messages_and_client(files: FileDescriptorSet) -> Result<(), Box<dyn Error>> {
    let mut messages = tonic_prost_build::Config::new();
    messages.enable_type_names();
    tonic_prost_build::configure().build_server(false).compile_fds_with_config(files, messages)?;
    Ok(())
}

/// A constant for each message that has the event option.
fn subjects(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let option = pool.get_extension_by_name(&format!("{PACKAGE}.event")).ok_or("the protos have no option `event`")?;
    let mut constants = String::new();
    for message in pool.all_messages().filter(|message| message.options().has_extension(&option)) {
        let options = message.options();
        let event = options.get_extension(&option);
        let subject =
            event.as_message().and_then(|event| event.get_field_by_name("subject")?.as_str().map(str::to_owned));
        let subject = subject.ok_or_else(|| format!("{} has no subject", message.full_name()))?;
        let (name, constant) = (message.name(), upper_snake(message.name()));
        writeln!(
            constants,
            "/// The subject of [`{name}`](crate::{name}).\npub const {constant}: &str = {subject:?};"
        )?;
    }
    Ok(constants)
}

fn upper_snake(name: &str) -> String {
    let mut words = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.extend(character.to_uppercase());
    }
    words
}

#[cfg(feature = "constraints")]
fn generate_constraint_checks(descriptors: Vec<u8>) -> Result<(), Box<dyn Error>> {
    prost_protovalidate_build::Builder::new()
        .file_descriptor_set_bytes(descriptors)
        // A constraint that could not be generated would be a constraint that nobody checks.
        .fail_on_runtime_only(true)
        .compile()?;
    Ok(())
}

#[cfg(not(feature = "constraints"))]
#[expect(clippy::unnecessary_wraps, clippy::needless_pass_by_value)] // the same signature as with the feature.
fn generate_constraint_checks(_: Vec<u8>) -> Result<(), Box<dyn Error>> {
    Ok(())
}
