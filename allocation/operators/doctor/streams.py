"""Whether the broker keeps what it acknowledges, and the streams are what the service counts on; and how full they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocation.adapters.embedded_broker.files import BrokerFiles
from allocation.adapters.jetstream.api import NANOSECONDS
from allocation.adapters.jetstream.comparison import consumer_differences, stream_differences
from allocation.connections import event_configuration, inbound_configuration
from allocation.operators.doctor.finding import Finding, Level, duration, error, note, ok, size, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from allocation.adapters.jetstream.configuration import EventConfiguration, InboundConfiguration
    from allocation.operators.doctor.broker import Broker
    from allocation.operators.doctor.patient import Patient

_FILLS, _FULL = 0.5, 0.9


def check_broker(patient: Patient) -> Iterator[Finding]:
    """Say whether it answers, and whether it writes before it acknowledges."""
    broker = patient.broker
    if broker is None:
        embedded = "nats_urls" not in patient.settings.model_fields_set
        files = None if patient.folder is None else BrokerFiles(patient.folder)
        if embedded and not patient.running.is_running:
            yield note(f"the broker does not run either: {patient.not_connected}")
        elif embedded and files is not None and files.record.exists():
            # `dev` writes the record down when it starts its broker, and removes it when it has stopped it.
            yield error(
                patient.not_connected,
                f"see why in its log, {files.log}; if it stays so, restart the service, which starts its broker anew",
            )
        else:
            yield error(patient.not_connected, "start it, or set ALLOCATION_NATS_URLS and ALLOCATION_NATS_CREDENTIALS_FILE")
        return
    yield from _syncs(broker)


def _syncs(broker: Broker) -> Iterator[Finding]:
    advice = "write sync_interval: always into the jetstream block of its configuration, and restart it"
    if broker.syncs_always:
        yield ok(f"the broker writes to the disk before it acknowledges: sync_interval always ({broker.sync_source})")
    elif broker.syncs_always is None:
        yield note(
            f"whether the broker has sync_interval: always cannot be seen ({broker.sync_source})", f"if it has not: {advice}"
        )
    else:
        yield error(
            f"the broker acknowledges before it writes to the disk ({broker.sync_source}): a power failure loses messages",
            advice,
        )


def check_streams(patient: Patient) -> Iterator[Finding]:
    """Say of both streams, and of the consumer, what is otherwise than the service counts on."""
    if patient.broker is None:
        return
    for found, configuration in _both(patient):
        yield from _check_stream(patient, found, configuration)
    yield from _check_consumer(patient)


def check_fill(patient: Patient) -> Iterator[Finding]:
    """Say how full both streams are, of the limits that they have."""
    if patient.broker is None:
        return
    advice = {
        "new": "its publishers are refused when it is full: nats stream edit --max-bytes; see what is unacknowledged below",
        "old": "it drops its oldest events when it is full, before consumers that were away have read them: "
        "nats stream edit --max-bytes",
    }
    for found, _ in _both(patient):
        if found is None:
            continue
        config, state, name = found["config"], found["state"], found["config"]["name"]
        for what, used, limit in (
            ("bytes", state["bytes"], config.get("max_bytes", -1)),
            ("messages", state["messages"], config.get("max_msgs", -1)),
        ):
            if limit <= 0:
                continue
            share = used / limit
            of = f"{size(used)} of {size(limit)}" if what == "bytes" else f"{used:,} of {limit:,} messages"
            level = Level.ERROR if share >= _FULL else Level.WARNING if share >= _FILLS else Level.OK
            limits = "" if level is Level.OK else f"; from {_FILLS:.0%} on it is noted, from {_FULL:.0%} on it is late"
            said = f"stream {name} holds {of}: {share:.0%}{limits}"
            yield Finding(level, said, "" if level is Level.OK else advice.get(config.get("discard", "old"), advice["old"]))


def _both(
    patient: Patient,
) -> Iterator[tuple[dict[str, Any] | None, InboundConfiguration | EventConfiguration]]:
    if patient.broker is not None:
        yield patient.broker.inbound, inbound_configuration(patient.settings)
        yield patient.broker.events, event_configuration(patient.settings)


def _check_stream(
    patient: Patient, found: dict[str, Any] | None, configuration: InboundConfiguration | EventConfiguration
) -> Iterator[Finding]:
    if found is None:
        if patient.running.is_running:
            yield error(
                f"the broker has no stream {configuration.name}", "the service makes it anew within a minute; see its log"
            )
        else:
            yield note(f"the broker has no stream {configuration.name} yet", "start the service: it creates it")
        return
    config, name = found["config"], found["config"]["name"]
    ours = configuration.stream()
    differences = stream_differences(ours, config, configuration.matters)
    for difference in differences:
        yield error(f"stream {name} is otherwise than the service counts on: {difference.strip()}", f"nats stream edit {name}")
    if name != configuration.name:
        yield note(f"stream {name} holds the subjects of {configuration.name}, and is used in its place")
    for setting in ("max_age", "duplicate_window"):
        if setting not in configuration.matters and config.get(setting, 0) != ours[setting]:
            theirs = duration(config[setting] / NANOSECONDS) if config.get(setting) else "unlimited"
            yield note(f"stream {name}: {setting} is {theirs}, created here it is {duration(ours[setting] / NANOSECONDS)}")
    yield from _check_replicas(found)
    if not differences:
        yield ok(
            f"stream {name}: file storage, {config['retention']} retention, discard {config['discard']}, "
            f"{config['num_replicas']} replicas, max_age {_age(config)}, duplicates known for {_window(config)}"
        )


def _check_replicas(found: dict[str, Any]) -> Iterator[Finding]:
    config, cluster = found["config"], found.get("cluster") or {}
    name, replicas, others = config["name"], config["num_replicas"], cluster.get("replicas") or []
    if cluster.get("name") and replicas == 1:
        yield warning(
            f"stream {name} has 1 replica in cluster {cluster['name']}: what its one server loses is lost",
            f"nats stream edit {name} --replicas=3, and ALLOCATION_STREAM_REPLICAS=3",
        )
    for other in others:
        if other.get("offline") or not other.get("current", True):
            state = "offline" if other.get("offline") else f"{other.get('lag', 0):,} operations behind"
            yield warning(f"stream {name}: its replica on {other['name']} is {state}", f"look at the log of {other['name']}")


def _check_consumer(patient: Patient) -> Iterator[Finding]:
    broker, configuration = patient.broker, inbound_configuration(patient.settings)
    if broker is None or broker.inbound is None:
        return
    stream, name = broker.inbound["config"]["name"], configuration.consumer_name
    if broker.consumer is None:
        found = f"stream {stream} has no consumer {name}"
        if patient.running.is_running:
            yield error(found, "the service makes it anew within a minute; see its log")
        else:
            yield note(f"{found} yet", "start the service: it creates it")
        return
    config = broker.consumer["config"]
    differences = consumer_differences(configuration.consumer(), config)
    for difference in differences:
        yield error(
            f"consumer {name} of stream {stream} is otherwise than the service counts on: {difference.strip()}",
            f"nats consumer rm {stream} {name}; the service makes it anew, and what took effect takes none again",
        )
    if not differences:
        wait = duration(config["ack_wait"] / NANOSECONDS)
        yield ok(
            f"consumer {name}: explicit ack, redelivered after {wait}, at most {config['max_ack_pending']:,} unacknowledged"
        )


def _age(config: dict[str, Any]) -> str:
    return duration(config["max_age"] / NANOSECONDS) if config.get("max_age") else "unlimited"


def _window(config: dict[str, Any]) -> str:
    return duration(config.get("duplicate_window", 0) / NANOSECONDS)
