//! The golden vectors of the contract: what one language writes, this one reads, and the other way round.

#[path = "golden/envelope.rs"]
mod envelope;
#[path = "golden/files.rs"]
mod files;

use files::{GOLDEN, Golden, LATER_VERSION, Vector, descriptor_of};
use prost::{Message, Name};
use prost_reflect::DynamicMessage;
use serde_json::Value;
use stock_allocation_contract::*;

/// The generated type behind a message's name, and the constant of its subject if it is an event.
struct Generated {
    subject: Option<&'static str>,
    decode_and_encode: fn(&[u8]) -> Vec<u8>,
    transcode_and_encode: fn(&DynamicMessage) -> Vec<u8>,
}

fn generated<M: Message + Name + Default>(subject: Option<&'static str>) -> (String, Generated) {
    let functions = Generated {
        subject,
        decode_and_encode: |wire| M::decode(wire).expect("the wire is a message").encode_to_vec(),
        transcode_and_encode: |message| message.transcode_to::<M>().expect("the message has this type").encode_to_vec(),
    };
    (M::full_name(), functions)
}

fn generated_type_of(message: &str) -> Generated {
    let types = [
        generated::<AllocateRequest>(None),
        generated::<AllocateResponse>(None),
        generated::<Allocated>(Some(subjects::ALLOCATED)),
        generated::<Backordered>(Some(subjects::BACKORDERED)),
        generated::<Batch>(None),
        generated::<BatchCreated>(Some(subjects::BATCH_CREATED)),
        generated::<BatchQuantityChanged>(Some(subjects::BATCH_QUANTITY_CHANGED)),
        generated::<ChangeBatchQuantityRequest>(None),
        generated::<ChangeBatchQuantityResponse>(None),
        generated::<CreateBatchRequest>(None),
        generated::<CreateBatchResponse>(None),
        generated::<Deallocated>(Some(subjects::DEALLOCATED)),
        generated::<GetBatchRequest>(None),
        generated::<GetBatchResponse>(None),
        generated::<LineStatus>(None),
        generated::<ListBatchesRequest>(None),
        generated::<ListBatchesResponse>(None),
        generated::<ListLinesRequest>(None),
        generated::<ListLinesResponse>(None),
        generated::<OrderPlaced>(Some(subjects::ORDER_PLACED)),
        generated::<OrderPlacedLine>(None),
        generated::<OutOfStock>(Some(subjects::OUT_OF_STOCK)),
        generated::<Rejected>(Some(subjects::REJECTED)),
        generated::<StockChanged>(Some(subjects::STOCK_CHANGED)),
    ];
    let found = types.into_iter().find(|(name, _)| name == message);
    found.unwrap_or_else(|| panic!("this test does not know {message}: add it")).1
}

fn json_of(message: &str, wire: &[u8]) -> Value {
    let decoded = DynamicMessage::decode(descriptor_of(message), wire).expect("the wire is a message");
    serde_json::to_value(decoded).expect("every message has a JSON form")
}

fn for_each_vector(check: impl Fn(&Golden, &Vector, &str)) {
    for golden in GOLDEN.iter() {
        assert!(!golden.vectors.is_empty(), "{} has no vectors", golden.message);
        for vector in &golden.vectors {
            check(golden, vector, &format!("{}: {}", golden.message, vector.name));
        }
    }
}

#[test]
fn golden_wire_decodes_to_the_json() {
    for_each_vector(|golden, vector, name| assert_eq!(json_of(&golden.message, &vector.wire), vector.json, "{name}"));
}

#[test]
fn golden_wire_goes_through_the_generated_type_and_keeps_its_meaning() {
    for_each_vector(|golden, vector, name| {
        let encoded = (generated_type_of(&golden.message).decode_and_encode)(&vector.wire);
        assert_eq!(json_of(&golden.message, &encoded), vector.json, "{name}");
        if vector.name != LATER_VERSION {
            assert_eq!(hex::encode(encoded), hex::encode(&vector.wire), "{name}");
        }
    });
}

#[test]
fn golden_json_encodes_to_the_wire() {
    for_each_vector(|golden, vector, name| {
        if vector.name != LATER_VERSION {
            let parsed = DynamicMessage::deserialize(descriptor_of(&golden.message), &vector.json)
                .expect("the JSON is a message");
            assert_eq!(hex::encode(parsed.encode_to_vec()), hex::encode(&vector.wire), "{name}");
            let encoded = (generated_type_of(&golden.message).transcode_and_encode)(&parsed);
            assert_eq!(hex::encode(encoded), hex::encode(&vector.wire), "{name}, the generated type");
        }
    });
}

#[test]
fn golden_messages_of_a_later_version_are_no_error_and_an_unknown_enum_value_keeps_its_number() {
    let later = |message: &str| {
        let golden = GOLDEN.iter().find(|golden| golden.message == message).expect("the message has vectors");
        golden.vectors.iter().find(|vector| vector.name == LATER_VERSION).expect("it has one from a later version")
    };
    let number = |json: &Value| {
        i32::try_from(json.as_i64().expect("a value without a name is a number")).expect("an enum is an int32")
    };

    let status = later(&LineStatus::full_name());
    let line = LineStatus::decode(status.wire.as_slice()).expect("it is no error");
    assert_eq!(line.state, number(&status.json["state"]));
    assert!(LineState::try_from(line.state).is_err(), "this version knows the state {}", line.state);

    let rejection = later(&Rejected::full_name());
    let rejected = Rejected::decode(rejection.wire.as_slice()).expect("it is no error");
    assert_eq!(rejected.reason, number(&rejection.json["reason"]));
}

#[test]
fn golden_zero_that_is_present_is_not_nothing() {
    let mut seen = 0;
    for_each_vector(|golden, vector, name| {
        if vector.name == "zero that is present" {
            assert_ne!(
                (generated_type_of(&golden.message).decode_and_encode)(&vector.wire),
                Vec::<u8>::new(),
                "{name}"
            );
        }
    });
    for golden in GOLDEN.iter() {
        seen += golden.vectors.iter().filter(|vector| vector.name == "zero that is present").count();
    }
    assert!(seen > 0, "no vector has a zero that is present");
    let quantity = |wire: &[u8]| BatchQuantityChanged::decode(wire).expect("the wire is a message").quantity;
    assert_eq!((quantity(&[0x10, 0x00]), quantity(&[])), (Some(0), None));
}
