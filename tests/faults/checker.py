"""The checker: says in sentences what is lost, twice, out of order or untrue. No sentence means that all is well."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from tests.faults import (
    check_answers,
    check_asked,
    check_books,
    check_calls,
    check_contents,
    check_parked,
    check_rules,
    check_streams,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.faults.evidence import Evidence
    from tests.faults.ledger import Ledger
    from tests.faults.problem import Problem


def problems(  # noqa: PLR0913 - what a fault takes away by its nature, each by keyword
    evidence: Evidence,
    ledger: Ledger,
    *,
    gone_through: int = 0,
    purged_through: int = 0,
    re_emitted: Collection[str] = (),
    restored: bool = False,
    lost_past: Collection[range] = (),
) -> list[Problem]:
    """Compare what was asked, what is kept, what was logged and what was published.

    Events up to the log's position `gone_through` may be missing from the event stream: it was deleted then. Messages
    up to the sequence `purged_through` may be missing from the inbound stream: somebody purged them. Events whose ids were
    `re_emitted` come later than their place in the order, in order among themselves. An inbound stream that was `restored`
    holds all that was acknowledged although it lives another life: what was missing was published again. Where the event
    stream has a `lost_past`, by sequences, it may hold events that the log does not know: the database has lost that time.
    """
    is_whole = evidence.incarnation == 1 or restored
    return list(
        chain(
            check_books.check_rest(evidence),
            check_books.check_counters(evidence),
            check_books.check_waiting(evidence),
            check_books.check_sequences(evidence),
            check_books.check_histories(evidence),
            check_books.check_audit(evidence),
            check_streams.check_published(evidence, gone_through),
            check_streams.check_once(evidence),
            check_streams.check_rejected_once(evidence),
            check_streams.check_unaltered(evidence, lost_past),
            check_streams.check_order(evidence, frozenset(re_emitted)),
            check_contents.check_contents(evidence),
            check_rules.check_rules(evidence),
            check_answers.check_answers(evidence, ledger),
            check_answers.check_contents(evidence, ledger),
            check_answers.check_progress(ledger),
            check_calls.check_created(evidence, ledger),
            check_calls.check_refused(evidence, ledger),
            check_calls.check_quantities(evidence, ledger),
            check_calls.check_rejections(evidence, ledger),
            check_asked.check_kept(evidence, ledger),
            check_asked.check_consumed(evidence, ledger, purged_through, is_whole=is_whole),
            check_asked.check_batches(evidence),
            check_asked.check_quantities(evidence, ledger) if is_whole and not purged_through else (),
            check_parked.check_parked(evidence),
            check_asked.check_conflicts(evidence, ledger, purged_through, is_whole=is_whole),
        )
    )
