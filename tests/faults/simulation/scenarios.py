"""All that a broker is asked; a real one and the simulated one have to be observed alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.simulation import consumer_scenarios, stream_scenarios

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.faults.simulation.bench import Bench

SCENARIOS: dict[str, Callable[[Bench], Awaitable[None]]] = {
    scenario.__name__: scenario
    for scenario in (
        stream_scenarios.streams,
        stream_scenarios.a_new_life,
        stream_scenarios.publishing,
        stream_scenarios.atomic_batches,
        stream_scenarios.no_atomic_batches,
        stream_scenarios.purging,
        consumer_scenarios.consumers,
        consumer_scenarios.pulls,
        consumer_scenarios.two_pulls,
        consumer_scenarios.a_pull_that_nobody_listens_to,
        consumer_scenarios.acknowledging,
        consumer_scenarios.asking_again,
        consumer_scenarios.keeping,
        consumer_scenarios.the_limit_of_unacknowledged_messages,
        consumer_scenarios.what_is_deleted,
        consumer_scenarios.readers,
        stream_scenarios.a_killed_server,
    )
}
LAST = stream_scenarios.a_killed_server.__name__
"""The scenario that all the others would feel."""
