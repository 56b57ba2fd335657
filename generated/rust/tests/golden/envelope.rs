//! What travels around the golden messages: subjects, headers and the `CloudEvents` attributes that the headers mean.

use std::collections::BTreeMap;

use crate::files::{GOLDEN, Golden, POOL, descriptor_of};
use crate::generated_type_of;

fn is_event(golden: &Golden) -> bool {
    let option = POOL.get_extension_by_name("stock.allocation.v1.event").expect("the contract has the option");
    descriptor_of(&golden.message).options().has_extension(&option)
}

fn percent_decoded(header: &str) -> String {
    let (first, escaped) = header.split_once('%').map_or((header, None), |(first, rest)| (first, Some(rest)));
    let mut bytes = first.as_bytes().to_vec();
    for part in escaped.into_iter().flat_map(|rest| rest.split('%')) {
        let (code, plain) = part.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).expect("two hexadecimal digits follow a percent sign"));
        bytes.extend(plain.as_bytes());
    }
    String::from_utf8(bytes).expect("an attribute is UTF-8")
}

#[test]
fn golden_events_and_no_other_messages_have_an_envelope() {
    assert!(GOLDEN.iter().any(is_event), "no golden file is an event's");
    for golden in GOLDEN.iter() {
        let event = is_event(golden);
        assert_eq!(golden.subject.is_some(), event, "the subject of {}", golden.message);
        assert_eq!(!golden.headers.is_empty(), event, "the headers of {}", golden.message);
        assert_eq!(!golden.attributes.is_empty(), event, "the attributes of {}", golden.message);
    }
}

#[test]
fn golden_subjects_are_those_of_the_constants() {
    for golden in GOLDEN.iter() {
        assert_eq!(generated_type_of(&golden.message).subject, golden.subject.as_deref(), "{}", golden.message);
    }
}

#[test]
fn golden_headers_mean_the_attributes() {
    for golden in GOLDEN.iter() {
        let attributes: BTreeMap<_, _> = golden
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix("ce-")?.to_owned(), percent_decoded(value))))
            .collect();
        assert_eq!(attributes, golden.attributes, "{}", golden.message);
    }
}

#[test]
fn golden_headers_name_the_message_and_its_id_twice() {
    for golden in GOLDEN.iter().filter(|golden| is_event(golden)) {
        assert_eq!(golden.headers.get("ce-type"), Some(&golden.message));
        assert!(golden.headers.contains_key("ce-id"), "{} has no ce-id", golden.message);
        assert_eq!(golden.headers.get("Nats-Msg-Id"), golden.headers.get("ce-id"), "{}", golden.message);
    }
}
