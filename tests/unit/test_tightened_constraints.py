"""A constraint that refuses what it accepted is found, rule by rule; one that does not is left alone."""

from __future__ import annotations

import pytest

from tests.unit.made_contracts import (
    a_contract,
    a_message,
    newly_refused,
    rules,
)
from tools.constraint_rules import UNKNOWN
from tools.constraints import tightened

TIGHTER = [  # kind, shape, rules before, rules after, what is said
    ("int32", "plain", "int32 {gte: 1}", "int32 {gte: 2}", "p.M.f: int32: gte 1 -> gte 2"),
    ("int32", "plain", "int32 {gte: 1}", "int32 {gt: 1}", "p.M.f: int32: gte 1 -> gt 1"),
    ("uint64", "plain", "uint64 {lte: 7}", "uint64 {lt: 7}", "p.M.f: uint64: lte 7 -> lt 7"),
    ("double", "plain", "double {gte: 1}", "double {gt: 1}", "p.M.f: double: gte 1.0 -> gt 1.0"),
    ("float", "plain", "", "float {lte: inf}", "p.M.f: float: none -> lte inf"),
    ("int64", "optional", "int64 {gt: 5, lt: 2}", "int64 {gt: 5}", "p.M.f: int64: gt 5, lt 2 -> gt 5"),
    ("int32", "plain", "int32 {gt: -3, lt: 7}", "int32 {gt: 2, lt: 0}", "p.M.f: int32: gt -3, lt 7 -> gt 2, lt 0"),
    ("int32", "optional", "", "int32 {gte: 0}", "p.M.f: int32: none -> gte 0"),
    ("int32", "plain", "int32 {in: [1, 2]}", "int32 {in: [2, 3]}", "p.M.f: int32: in [1, 2] -> in [2, 3]"),
    ("int32", "plain", "int32 {not_in: [1]}", "int32 {not_in: [1, 2]}", "p.M.f: int32: not_in [1] -> not_in [1, 2]"),
    ("int32", "plain", "", "int32 {gte: 1}", "p.M.f: absent was accepted and is refused: no rules -> {int32 { gte: 1 }}"),
    ("string", "plain", "string {max_len: 3}", "string {max_len: 2}", "p.M.f: string: max_len 3 -> max_len 2"),
    ("string", "plain", "string {max_len: 3}", "string {max_bytes: 3}", "p.M.f: string: none -> max_bytes 3"),
    ("string", "optional", "", "string {min_len: 1}", "p.M.f: string: none -> min_len 1"),
    ("string", "optional", "", "required: true", "p.M.f: absent was accepted and is refused: no rules -> {required: true}"),
    ("string", "plain", "string {prefix: 'a'}", "string {prefix: 'ab'}", "p.M.f: string: prefix a -> prefix ab"),
    ("string", "plain", "", "string {not_contains: 'a'}", "p.M.f: string: none -> not_contains a"),
    ("bytes", "plain", "", "bytes {len: 4}", "p.M.f: absent was accepted and is refused: no rules -> {bytes { len: 4 }}"),
    ("bytes", "plain", "bytes {len: 4}", "bytes {len: 16}", "p.M.f: bytes: len 4 -> len 16"),
    ("bool", "plain", "", "bool {const: false}", "p.M.f: bool: none -> const False"),
    ("enum", "plain", "", "enum {defined_only: true}", "p.M.f: enum: none -> defined_only True"),
    ("int32", "items", "", "repeated {max_items: 1}", "p.M.f: repeated: none -> max_items 1"),
    ("int32", "items", "", "repeated {unique: true}", "p.M.f: repeated: none -> unique True"),
    ("int32", "items", "", "repeated {items {int32 {lt: 5}}}", "p.M.f.items: int32: none -> lt 5"),
    (
        *("int32", "items", "repeated {items {ignore: IGNORE_IF_ZERO_VALUE int32 {gt: 1}}}"),
        *("repeated {items {int32 {gt: 1}}}", "p.M.f.items: zero was accepted and is refused: "),
    ),
    ("string", "keys", "map {keys {string {max_len: 3}}}", "map {keys {string {max_len: 2}}}", "p.M.f.keys: string: "),
    ("string", "keys", "", "map {keys {string {min_len: 1}}}", "p.M.f.keys: zero was accepted and is refused: "),
    ("int32", "values", "", "map {values {int32 {not_in: [5]}}}", "p.M.f.values: int32: none -> not_in [5]"),
    ("int32", "values", "", "map {min_pairs: 1}", "p.M.f: absent was accepted and is refused: "),
    ("int32", "wrapped", "int32 {gte: 0}", "int32 {gte: 1}", "p.M.f: int32: gte 0 -> gte 1"),
    ("timestamp", "plain", "timestamp {gte {}}", "timestamp {gt {}}", "p.M.f: timestamp: gte {} -> gt {}"),
    ("timestamp", "plain", "timestamp {gte {}}", "timestamp {gt_now: true}", "p.M.f: timestamp: none -> gt_now True"),
    (
        *("timestamp", "plain", "timestamp {within {seconds: 9000000000}}", "timestamp {within {seconds: 9}}"),
        "p.M.f: timestamp: within {seconds: 9000000000} -> within {seconds: 9}",
    ),
    ("duration", "plain", "", "duration {lt {seconds: 2}}", "p.M.f: duration: none -> lt {seconds: 2}"),
    ("field_mask", "plain", "", "field_mask {in: ['a']}", "p.M.f: field_mask: none -> in [a]"),
    (
        *("field_mask", "plain", "field_mask {const {paths: 'a'} in: ['a']}", "field_mask {const {paths: 'a'} in: ['b']}"),
        "p.M.f: field_mask: in [a] -> in [b]",
    ),
    ("any", "plain", "", "any {not_in: ['a']}", "p.M.f: any: none -> not_in [a]"),
    ("int32", "plain", "ignore: IGNORE_ALWAYS int32 {gt: 1}", "int32 {gt: 1}", "p.M.f: int32: none -> gt 1"),
    ("int32", "plain", "ignore: IGNORE_IF_ZERO_VALUE int32 {gt: 1}", "int32 {gt: 1}", "p.M.f: absent was accepted"),
    ("string", "plain", "string {email: true}", "string {hostname: true}", "p.M.f: string: none -> hostname True"),
    (
        *("string", "plain", "string {well_known_regex: KNOWN_REGEX_HTTP_HEADER_NAME strict: false}"),
        *("string {well_known_regex: KNOWN_REGEX_HTTP_HEADER_NAME}", "-> well_known_regex 1"),
    ),
    ("string", "plain", "string {pattern: '^a*$'}", "string {pattern: '^b*$'}", f"pattern ^a*$ -> pattern ^b*${UNKNOWN}"),
    ("int32", "plain", "", "cel {id: 'x' expression: 'this < 3'}", f"p.M.f: cel: none -> this < 3{UNKNOWN}"),
]
LOOSER = [  # kind, shape, rules before, rules after
    ("int32", "plain", "int32 {gte: 2}", "int32 {gte: 1}"),
    ("int32", "plain", "int32 {gte: 1}", "int32 {gt: 0}"),
    ("int32", "plain", "int32 {gt: 0}", "int32 {gte: 1}"),
    ("int32", "plain", "int32 {gte: 1, lte: 5}", "int32 {gt: 0}"),
    ("int32", "plain", "int32 {gte: 1, lte: 5}", "int32 {gt: 0, lt: -1}"),
    ("int32", "plain", "int32 {gt: 5, lt: 2}", "int32 {gt: 4, lt: 2}"),
    ("int32", "plain", "int32 {gte: 1, lte: 3}", "int32 {in: [1, 2, 3, 4]}"),
    ("int32", "plain", "int32 {const: 3}", "int32 {in: [2, 3]}"),
    ("int32", "plain", "int32 {in: [2, 3]}", "int32 {gt: 1}"),
    ("int32", "plain", "int32 {gt: 1}", "int32 {gt: 1, not_in: [1]}"),
    ("int32", "plain", "", "int32 {lte: 2147483647}"),
    ("int32", "plain", "", "int32 {gte: 3, lte: 2}"),
    ("uint32", "plain", "required: true", "uint32 {gte: 1}"),
    ("uint32", "plain", "uint32 {gte: 1}", "required: true"),
    ("string", "plain", "required: true", "string {min_len: 1}"),
    ("string", "plain", "string {min_len: 1}", "required: true"),
    ("string", "plain", "string {len: 3}", "string {min_len: 2, max_len: 3}"),
    ("string", "plain", "string {pattern: '^a*$'}", ""),
    ("string", "plain", "string {prefix: 'ab'}", "string {prefix: 'a'}"),
    ("string", "plain", "string {suffix: 'ab'}", "string {suffix: 'b'}"),
    ("string", "plain", "string {contains: 'aba'}", "string {contains: 'ba'}"),
    ("string", "plain", "string {not_contains: 'a'}", "string {not_contains: 'ab'}"),
    ("string", "plain", "string {in: ['a', 'b']}", "string {max_len: 1}"),
    ("string", "plain", "string {max_len: 2}", "string {max_len: 2, email: false, example: 'a'}"),
    ("string", "optional", "required: true string {min_len: 2}", "string {min_len: 2}"),
    ("string", "optional", "required: true string {min_len: 2}", "ignore: IGNORE_ALWAYS required: true"),
    ("bool", "plain", "required: true", "bool {const: true}"),
    ("float", "plain", "float {gte: 0, finite: true}", "float {gte: -1}"),
    ("enum", "plain", "enum {in: [1, 2]}", "enum {defined_only: true}"),
    ("enum", "optional", "enum {defined_only: true}", "enum {in: [0, 1, 2, 7]}"),
    ("enum", "values", "map {values {enum {in: [1, 2]}}}", "map {values {enum {defined_only: true}}}"),
    (
        *("string", "plain", "string {well_known_regex: KNOWN_REGEX_HTTP_HEADER_NAME}"),
        "string {well_known_regex: KNOWN_REGEX_HTTP_HEADER_NAME strict: false}",
    ),
    ("int32", "items", "repeated {min_items: 1 unique: true items {int32 {gt: 2}}}", "repeated {items {int32 {gt: 1}}}"),
    ("int32", "items", "repeated {items {int32 {gt: 1}}}", "repeated {items {int32 {gt: 1} ignore: IGNORE_IF_ZERO_VALUE}}"),
    ("int32", "values", "map {values {int32 {gt: 0}}}", "map {values {int32 {not_in: [0]}}}"),
    ("timestamp", "plain", "timestamp {gt {seconds: 1}}", "timestamp {gte {seconds: 1 nanos: 1}}"),
    ("timestamp", "plain", "timestamp {within {seconds: 9}}", "timestamp {within {seconds: 10}}"),
    ("field_mask", "plain", "field_mask {not_in: ['a', 'b']}", "field_mask {not_in: ['a']}"),
    ("int32", "plain", "cel {id: 'x' expression: 'this < 3'}", "cel {id: 'y' message: 'no' expression: 'this < 3'}"),
]


@pytest.mark.parametrize(("kind", "shape", "before", "after", "said"), TIGHTER)
def test_a_tightened_constraint_is_named_with_both_values(kind: str, shape: str, before: str, after: str, said: str) -> None:
    released, current = (a_contract(a_message(kind, shape, rules(text))) for text in (before, after))
    found = tightened(released, current)
    assert any(said in line for line in found), found
    assert newly_refused(released, current, kind, shape), "protovalidate agrees"


@pytest.mark.parametrize(("kind", "shape", "before", "after"), LOOSER)
def test_a_loosened_or_reworded_constraint_is_fine(kind: str, shape: str, before: str, after: str) -> None:
    released, current = (a_contract(a_message(kind, shape, rules(text))) for text in (before, after))
    assert tightened(released, current) == []
    assert not newly_refused(released, current, kind, shape), "protovalidate agrees"
