//! The constraints of the protos, as `Validate` checks them: what keeps them passes, what breaks them names the field.

use stock_allocation_contract::{
    AllocateRequest, BatchCreated, BatchQuantityChanged, ListBatchesRequest, OrderPlaced, OrderPlacedLine, Validate,
};

/// The fields that break a constraint, each with the rule that it breaks.
fn violations(message: &impl Validate) -> Vec<(String, String)> {
    let Err(error) = message.validate() else { return Vec::new() };
    error.violations().iter().map(|violation| (violation.field_path(), violation.rule_id().to_owned())).collect()
}

fn broken(field: &str, rule: &str) -> Vec<(String, String)> {
    vec![(field.to_owned(), rule.to_owned())]
}

fn batch(batch_reference: &str, purchased_quantity: i32) -> BatchCreated {
    BatchCreated { batch_reference: batch_reference.to_owned(), sku: "RUG".to_owned(), purchased_quantity, eta: None }
}

fn change(quantity: Option<i32>) -> BatchQuantityChanged {
    BatchQuantityChanged { batch_reference: "rug-early".to_owned(), quantity }
}

fn line(line_id: &str, quantity: i32) -> OrderPlacedLine {
    OrderPlacedLine { line_id: line_id.to_owned(), sku: "RUG".to_owned(), quantity }
}

fn order(lines: Vec<OrderPlacedLine>) -> OrderPlaced {
    OrderPlaced { order_id: "order-1".to_owned(), lines }
}

#[test]
fn constraint_kept_by_messages_at_the_limits() {
    assert_eq!(violations(&batch("b", 1)), []);
    assert_eq!(violations(&batch("rug early, 1", i32::MAX)), []);
    assert_eq!(violations(&change(Some(0))), []);
    assert_eq!(violations(&change(Some(i32::MAX))), []);
    assert_eq!(violations(&order(vec![line("", 1)])), []);
    assert_eq!(violations(&order(vec![line("1", 1); 2000])), []);
    assert_eq!(
        violations(&ListBatchesRequest { sku: "RUG".to_owned(), page_size: 1000, page_token: "t".repeat(1024) }),
        []
    );
}

#[test]
fn constraint_quantity_is_required_even_where_zero_is_allowed() {
    assert_eq!(violations(&change(None)), broken("quantity", "required"));
}

#[test]
fn constraint_quantity_is_not_negative() {
    assert_eq!(violations(&change(Some(-1))), broken("quantity", "int32.gte"));
    assert_eq!(violations(&change(Some(i32::MIN))), broken("quantity", "int32.gte"));
    assert_eq!(violations(&batch("b", 0)), broken("purchased_quantity", "int32.gte"));
}

#[test]
fn constraint_identifiers_have_1_to_128_characters_and_not_bytes() {
    assert_eq!(violations(&batch("", 1)), broken("batch_reference", "string.min_len"));
    assert_eq!(violations(&batch(&"é".repeat(128), 1)), []);
    assert_eq!(violations(&batch(&"😀".repeat(128), 1)), []);
    assert_eq!(violations(&batch(&"é".repeat(129), 1)), broken("batch_reference", "string.max_len"));
}

#[test]
fn constraint_identifiers_have_no_control_characters() {
    for reference in ["\0", "a\nb", "a\n", "\ta", "\u{7f}", "a\u{85}", "\u{9f}b"] {
        assert_eq!(violations(&batch(reference, 1)), broken("batch_reference", "string.pattern"), "{reference:?}");
    }
    // Spaces, and formatting characters that Unicode does not count as control characters.
    for reference in [" ", "\u{a0}", "\u{200b}", "\u{2028}", "Ü \"wool\", 100 %"] {
        assert_eq!(violations(&batch(reference, 1)), [], "{reference:?}");
    }
}

#[test]
fn constraint_orders_have_1_to_2000_lines() {
    assert_eq!(violations(&order(vec![])), broken("lines", "repeated.min_items"));
    assert_eq!(violations(&order(vec![line("1", 1); 2001])), broken("lines", "repeated.max_items"));
}

#[test]
fn constraint_of_a_line_is_named_with_the_place_of_the_line() {
    assert_eq!(violations(&order(vec![line("1", 1), line("2", 0)])), broken("lines[1].quantity", "int32.gte"));
    assert_eq!(violations(&order(vec![line("1\u{1b}", 1)])), broken("lines[0].line_id", "string.pattern"));
}

#[test]
fn constraint_pages_have_an_upper_limit() {
    let request = |page_size| ListBatchesRequest { sku: "RUG".to_owned(), page_size, page_token: String::new() };
    assert_eq!(violations(&request(1001)), broken("page_size", "int32.gte_lte"));
    assert_eq!(violations(&request(-1)), broken("page_size", "int32.gte_lte"));
}

#[test]
fn constraint_violations_are_all_named_at_once() {
    let fields: Vec<String> = violations(&AllocateRequest::default()).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["order_id", "sku", "quantity"]);
}
