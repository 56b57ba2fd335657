"""The faults of this folder, by name."""

from __future__ import annotations

from tests.faults.fault import Fault
from tests.faults.power_loss import power_failures, promises

FAULTS = (
    Fault("power-lost", "power lost, service and broker: what was not synced is gone", power_failures.of_everything),
    Fault(
        "power-lost-at-first-start",
        "power lost while an empty data folder is set up",
        power_failures.at_first_start,
        in_short_form=False,
    ),
    Fault(
        "power-lost-database",
        "power lost, service alone: names too are gone unless their folder was synced",
        power_failures.of_the_service_alone,
        in_short_form=False,
    ),
    Fault(
        "power-lost-broker",
        "power lost, broker alone: what was not synced is gone",
        power_failures.of_the_broker_alone,
        in_short_form=False,
    ),
    Fault("fsyncs", "answers, acks and acknowledgements, each after its fsync", promises.keep_their_order, to_processes=False),
)
