"""The checker: says in sentences what is lost, twice, out of order or untrue. No sentence means that all is well."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from tests.faults import check_asked, check_books, check_calls, check_streams

if TYPE_CHECKING:
    from tests.faults.evidence import Evidence
    from tests.faults.ledger import Ledger
    from tests.faults.problem import Problem


def problems(evidence: Evidence, ledger: Ledger, *, gone_through: int = 0, purged_through: int = 0) -> list[Problem]:
    """Compare what was asked, what is kept, what was logged and what was published.

    Events up to the log's position `gone_through` may be missing from the event stream: it was deleted then. Messages
    up to the sequence `purged_through` may be missing from the inbound stream: somebody purged them.
    """
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
            check_streams.check_unaltered(evidence),
            check_streams.check_order(evidence),
            check_calls.check_answers(evidence, ledger),
            check_calls.check_created(evidence, ledger),
            check_calls.check_quantities(evidence, ledger),
            check_calls.check_rejections(evidence, ledger),
            check_asked.check_kept(evidence, ledger),
            check_asked.check_consumed(evidence, ledger, purged_through),
            check_asked.check_batches(evidence),
            check_asked.check_conflicts(evidence, ledger, purged_through),
        )
    )
