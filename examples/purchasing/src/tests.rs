//! Purchasing's own logic, without servers.
use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use prost::{Message, Name};
use serde_json::{Value, json};
use stock_allocation_contract::{
    Allocated, Backordered, BatchCreated, Deallocated, OutOfStock, Rejected, StockChanged,
};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::ask::says_unknown_sku;
use crate::state::State;

fn happens<E: Name>(state: &mut State, id: &str, event: &E) {
    state.apply(id, &E::full_name(), &event.encode_to_vec()).expect("the event can be decoded");
}

fn allocated(order_id: &str, quantity: i32, sku_sequence: i64) -> Allocated {
    let (order_id, sku, batch_reference) = (order_id.to_owned(), "RUG".to_owned(), "rug-early".to_owned());
    Allocated { order_id, line_id: "RUG".to_owned(), sku, quantity, batch_reference, eta: None, sku_sequence }
}

fn deallocated(order_id: &str, sku_sequence: i64) -> Deallocated {
    let Allocated { order_id, line_id, sku, quantity, batch_reference, .. } = allocated(order_id, 3, sku_sequence);
    Deallocated { order_id, line_id, sku, quantity, batch_reference, reason: 1, sku_sequence }
}

fn backordered(order_id: &str, quantity: i32, sku_sequence: i64) -> Backordered {
    let Allocated { order_id, line_id, sku, .. } = allocated(order_id, quantity, sku_sequence);
    Backordered { order_id, line_id, sku, quantity, sku_sequence }
}

fn arrived(purchase: &BatchCreated, sku_sequence: i64) -> StockChanged {
    let BatchCreated { batch_reference, sku, purchased_quantity, eta } = purchase.clone();
    StockChanged { batch_reference, sku, purchased_quantity, eta, sku_sequence }
}

fn figure(state: &State, name: &str) -> Value {
    state.figures()["figures"][name].clone()
}

fn buy(state: &mut State, now: Instant) -> Vec<BatchCreated> {
    state.buy(now);
    let purchases = std::mem::take(&mut state.unpublished);
    purchases.iter().map(|wire| BatchCreated::decode(wire.as_slice()).expect("it is one")).collect()
}

fn references(purchases: &[BatchCreated]) -> Vec<&str> {
    purchases.iter().map(|purchase| purchase.batch_reference.as_str()).collect()
}

const LATER: Duration = Duration::from_secs(2);

#[test]
fn an_event_that_was_seen_is_dropped() {
    let mut state = State::default();
    happens(&mut state, "id-1", &allocated("o-1", 3, 1));
    happens(&mut state, "id-1", &allocated("o-1", 3, 1));
    assert_eq!(
        state.figures(),
        json!({"figures": {"lines": 1, "units": 3, "duplicates": 1, "stale": 0, "purchases": 0, "waiting": 0}})
    );
}

#[test]
fn the_latest_ten_thousand_ids_are_remembered() {
    let mut state = State::default();
    for number in 1..=10_001 {
        happens(&mut state, &format!("id-{number}"), &allocated("o-1", 3, number));
    }
    happens(&mut state, "id-2", &allocated("o-1", 3, 20_000));
    assert_eq!(figure(&state, "duplicates"), 1);
    happens(&mut state, "id-1", &allocated("o-1", 3, 1)); // forgotten by its id, and still known to be old
    assert_eq!((figure(&state, "duplicates"), figure(&state, "stale")), (json!(1), json!(1)));
}

#[test]
fn an_older_event_of_a_line_changes_nothing_and_other_lines_have_an_order_of_their_own() {
    let mut state = State::default();
    happens(&mut state, "id-1", &deallocated("o-1", 5));
    happens(&mut state, "id-2", &allocated("o-1", 3, 4));
    happens(&mut state, "id-3", &allocated("o-1", 3, 5));
    assert_eq!((figure(&state, "lines"), figure(&state, "stale")), (json!(0), json!(2)));
    happens(&mut state, "id-4", &allocated("o-2", 4, 2));
    assert_eq!((figure(&state, "units"), figure(&state, "stale")), (json!(4), json!(2)));
}

#[test]
fn a_line_that_moves_to_another_batch_is_promised_once() {
    let mut state = State::default();
    happens(&mut state, "id-1", &allocated("o-1", 3, 1));
    happens(&mut state, "id-2", &deallocated("o-1", 2));
    assert_eq!((figure(&state, "lines"), figure(&state, "units")), (json!(0), json!(0)));
    happens(&mut state, "id-3", &allocated("o-1", 3, 3));
    assert_eq!((figure(&state, "lines"), figure(&state, "units")), (json!(1), json!(3)));
}

#[test]
fn events_of_a_later_version_are_ignored_and_broken_ones_are_an_error() {
    let mut state = State::default();
    happens(&mut state, "id-1", &Rejected::default());
    state.apply("id-2", "stock.allocation.v2.Allocated", b"\xff").expect("it is not even decoded");
    state.apply("id-3", "", b"\xff").expect("it is not even decoded");
    assert!(state.apply("id-4", &Allocated::full_name(), b"\xff").is_err());
    assert_eq!(state.figures(), State::default().figures());
}

#[test]
fn the_state_survives_a_restart() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = folder.path().join("state.json");
    let mut state = State::load(&file).expect("a missing file is a fresh start");
    happens(&mut state, "id-1", &allocated("o-1", 3, 1));
    happens(&mut state, "id-2", &backordered("o-2", 5, 2));
    state.save(&file).expect("it can be written");
    let mut again = State::load(&file).expect("it can be read");
    assert_eq!(again.figures(), state.figures());
    happens(&mut again, "id-1", &allocated("o-1", 3, 1));
    happens(&mut again, "id-9", &backordered("o-2", 5, 2));
    assert_eq!((figure(&again, "duplicates"), figure(&again, "stale")), (json!(1), json!(1)));
}

#[test]
fn an_empty_file_is_a_fresh_start_and_a_file_torn_while_it_was_written_is_not_looked_at() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = folder.path().join("state.json");
    fs::write(&file, "").expect("it can be written");
    let mut state = State::load(&file).expect("an empty file is a fresh start");
    happens(&mut state, "id-1", &allocated("o-1", 3, 1));
    state.save(&file).expect("it can be written");
    fs::write(folder.path().join("state.json.new"), "{\"seen\": [\"id").expect("it can be written");
    assert_eq!(figure(&State::load(&file).expect("it is whole"), "units"), 3);
}

#[test]
fn a_state_file_that_is_torn_itself_is_refused_by_its_name() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = folder.path().join("state.json");
    fs::write(&file, "{\"seen\": [\"id").expect("it can be written");
    let error = State::load(&file).err().expect("what was counted is not known any more");
    assert!(error.to_string().contains("state.json"), "{error}");
}

#[test]
fn ten_times_what_is_waited_for_is_bought_and_named_by_the_event() {
    let mut state = State::default();
    happens(&mut state, "id-1", &backordered("o-1", 3, 7));
    let purchases = buy(&mut state, Instant::now());
    assert_eq!(references(&purchases), ["purchase-RUG-7"]);
    assert_eq!((purchases[0].sku.as_str(), purchases[0].purchased_quantity), ("RUG", 30));
    assert_eq!((figure(&state, "purchases"), figure(&state, "waiting")), (json!(1), json!(1)));
}

#[test]
fn what_was_refused_is_bought_too_but_not_waited_for() {
    let mut state = State::default();
    let Backordered { order_id, line_id, sku, quantity, sku_sequence } = backordered("o-1", 2, 4);
    happens(&mut state, "id-1", &OutOfStock { order_id, line_id, sku, quantity, sku_sequence });
    assert_eq!(figure(&state, "waiting"), 0);
    assert_eq!(buy(&mut state, Instant::now())[0].purchased_quantity, 20);
}

#[test]
fn a_sku_that_leaves_no_room_in_the_reference_is_not_bought() {
    let mut state = State::default();
    happens(&mut state, "id-1", &Backordered { sku: "X".repeat(128), ..backordered("o-1", 3, 7) });
    assert_eq!(references(&buy(&mut state, Instant::now())), [""; 0]);
    assert_eq!((figure(&state, "purchases"), figure(&state, "waiting")), (json!(0), json!(1)));
}

#[test]
fn every_second_purchase_arrives_at_a_midnight_to_come() {
    let mut state = State::default();
    happens(&mut state, "id-1", &backordered("o-1", 1, 7));
    assert_eq!(buy(&mut state, Instant::now())[0].eta, None);
    happens(&mut state, "id-2", &Backordered { sku: "SOFA".to_owned(), ..backordered("o-1", 1, 7) });
    let eta = buy(&mut state, Instant::now())[0].eta.expect("it is not in stock");
    assert_eq!(eta.seconds % (24 * 60 * 60), 0);
    assert!(eta.seconds > prost_types::Timestamp::from(std::time::SystemTime::now()).seconds);
}

#[test]
fn a_burst_is_one_purchase_and_lines_that_get_stock_need_no_other() {
    let mut state = State::default();
    let start = Instant::now();
    happens(&mut state, "id-1", &backordered("o-1", 1, 1));
    let first = buy(&mut state, start);
    assert_eq!(first.len(), 1);
    for number in 2..100 {
        happens(&mut state, &format!("id-{number}"), &backordered(&format!("o-{number}"), 1, number));
        assert_eq!(references(&buy(&mut state, start + LATER / 2)), [""; 0]);
    }
    happens(&mut state, "id-a", &arrived(&first[0], 100));
    for number in 1..100 {
        happens(&mut state, &format!("id-b{number}"), &allocated(&format!("o-{number}"), 1, 100 + number));
    }
    assert_eq!(references(&buy(&mut state, start + LATER)), [""; 0]);
    assert_eq!((figure(&state, "waiting"), figure(&state, "lines")), (json!(0), json!(99)));
}

#[test]
fn a_line_that_still_waits_after_a_purchase_has_arrived_leads_to_another() {
    let mut state = State::default();
    let start = Instant::now();
    happens(&mut state, "id-1", &backordered("o-1", 4, 1));
    let first = buy(&mut state, start);
    assert_eq!(
        references(&buy(&mut state, start + 2 * LATER)),
        [""; 0],
        "nothing has happened since: the same purchase"
    );
    happens(&mut state, "id-2", &arrived(&first[0], 2));
    assert_eq!(references(&buy(&mut state, start + LATER / 2)), [""; 0], "who gets its stock is on the way");
    assert_eq!(references(&buy(&mut state, start + LATER)), ["purchase-RUG-2"]);
}

#[test]
fn a_purchase_that_may_not_have_been_published_survives_a_restart_word_for_word() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = folder.path().join("state.json");
    let mut state = State::default();
    happens(&mut state, "id-1", &backordered("o-1", 4, 6));
    state.buy(Instant::now());
    state.save(&file).expect("it can be written");
    let again = State::load(&file).expect("it can be read");
    assert_eq!((again.unpublished.len(), &again.unpublished), (1, &state.unpublished));
    assert_eq!(again.figures(), state.figures());
}

#[test]
fn only_the_refusal_of_an_unknown_sku_is_as_it_should_be() {
    let refused = |reason| {
        let details = ErrorDetails::with_error_info(reason, "stock.allocation.v1", HashMap::new());
        Status::with_error_details(Code::AlreadyExists, "refused", details)
    };
    assert!(says_unknown_sku(&refused("REJECTION_REASON_UNKNOWN_SKU")));
    assert!(!says_unknown_sku(&refused("REJECTION_REASON_LINE_CONFLICT")));
    assert!(!says_unknown_sku(&Status::deadline_exceeded("too late")));
}
