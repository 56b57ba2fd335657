"""The faults of this folder, by name."""

from __future__ import annotations

from tests.faults.cluster import backlogs, clocks, disks, killed_nodes, unsteady_nodes, upgrades
from tests.faults.fault import Fault

FAULTS = (
    Fault(
        "cluster-leader-killed",
        "cluster of three: the leader of a stream killed",
        killed_nodes.kill_leaders,
        in_short_form=False,
    ),
    Fault(
        "cluster-two-killed",
        "cluster of three: two nodes killed, no quorum for a while",
        killed_nodes.kill_two,
        in_short_form=False,
    ),
    Fault("cluster-all-killed", "cluster of three: all nodes killed at once", killed_nodes.kill_all, in_short_form=False),
    Fault(
        "cluster-kill-loop",
        "cluster of three: a random node killed every 0.5 s",
        killed_nodes.kill_one_every_half_second,
    ),
    Fault("cluster-step-down", "cluster of three: leaders stepped down", unsteady_nodes.step_leaders_down, in_short_form=False),
    Fault("cluster-frozen", "cluster of three: the leader frozen", unsteady_nodes.freeze_leaders, in_short_form=False),
    Fault(
        "cluster-empty-store",
        "cluster of three: a node comes back with an empty store",
        unsteady_nodes.empty_stores,
        in_short_form=False,
    ),
    Fault(
        "cluster-rolling-upgrade",
        "cluster of three: nodes retired and started again, one by one",
        unsteady_nodes.replace_one_by_one,
        in_short_form=False,
    ),
    Fault("disk-full-broker", "the broker's disk full", disks.fill_broker_disk),
    Fault("disk-full-service", "the service's disk full", disks.fill_service_disk),
    Fault("clock-of-the-service", "the service's clock jumps by hours", clocks.jump_service_clock),
    Fault("clock-of-a-publisher", "a publisher's clock jumps by hours", clocks.jump_publisher_clock),
    Fault("backlog-of-messages", "100,000 messages wait for the service", backlogs.messages_while_down, in_short_form=False),
    Fault(
        "backlog-of-events",
        "100,000 events wait for the broker",
        backlogs.events_while_broker_is_away,
        in_short_form=False,
    ),
    Fault("upgrade", "tables brought up by a revision, under load", upgrades.upgrade_under_load),
)
