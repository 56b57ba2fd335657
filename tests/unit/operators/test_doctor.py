"""What the doctor says of what it saw: nothing of what is well, and of what is not how bad it is and what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from allocation.adapters.embedded_broker.files import BrokerFiles
from allocation.operators.doctor.backlog import check_backlog, check_copies
from allocation.operators.doctor.clock import check_clock
from allocation.operators.doctor.database import check_database
from allocation.operators.doctor.disk import check_disk
from allocation.operators.doctor.examination import CHECKS, judge
from allocation.operators.doctor.finding import Level, duration, ok, size
from allocation.operators.doctor.process import check_process
from allocation.operators.doctor.settings import check_settings
from allocation.operators.doctor.streams import check_broker, check_fill, check_streams
from allocation.operators.doctor.versions import check_schema
from tests.unit.operators.patients import NOW, bad, broker_of, healthy, inspection_of, stopped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from allocation.operators.doctor.finding import Finding
    from allocation.operators.doctor.patient import Patient

A_MINUTE = timedelta(minutes=1)


def test_nothing_is_wrong_with_a_healthy_service() -> None:
    assert bad(finding for _, finding in judge(healthy())) == []


def test_a_check_that_breaks_is_a_finding_and_keeps_no_other_from_looking() -> None:
    def breaks(_patient: Patient) -> Iterator[Finding]:
        yield ok("so far")
        raise PermissionError(13, "Permission denied")

    findings = judge(healthy(), {"breaks": breaks, "looks": lambda _: [ok("well")]})
    assert [(name, finding.level) for name, finding in findings] == [("breaks", Level.ERROR), ("looks", Level.OK)]
    assert findings[0][1].found == "this cannot be looked at: PermissionError: [Errno 13] Permission denied"


def test_every_check_has_a_name_of_its_own() -> None:
    assert len(set(CHECKS.values())) == len(CHECKS) >= 14


@pytest.mark.parametrize(
    ("set_to", "level", "said"),
    [
        ({"deliveries_max": 3}, "error", "ALLOCATION_DELIVERIES_MAX=3 must be above 11"),
        ({"database_url": "memory:"}, "warning", "memory: keeps nothing"),
        ({"group_commands_max": 20_000}, "warning", "ALLOCATION_WAITING_COMMANDS_MAX=10000"),
        ({"fetch_messages_max": 20_000}, "warning", "is above 10000"),
        ({"grpc_host": "192.0.2.1"}, "warning", "gRPC on 192.0.2.1 is plain text"),
        ({"inbox_retention_seconds": 86_400}, "warning", "ALLOCATION_INBOX_RETENTION_SECONDS=86400 is below"),
        ({"log_retention_seconds": 86_400}, "warning", "ALLOCATION_LOG_RETENTION_SECONDS=86400 is below"),
        ({"parked_retention_seconds": 86_400}, "warning", "ALLOCATION_PARKED_RETENTION_SECONDS=86400 is below"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_settings_that_contradict_others_or_weaken_a_promise(set_to: dict[str, Any], level: str, said: str) -> None:
    ((found_level, found),) = bad(check_settings(healthy(**set_to)))
    assert (found_level, said in found) == (level, True), found


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]"])
def test_plain_text_on_loopback_is_well(host: str) -> None:
    assert bad(check_settings(healthy(grpc_host=host))) == []


def test_postgresql_is_not_of_this_release() -> None:
    patient = replace(healthy(database_url="postgresql://host/stock"), database=None, inspection=None)
    ((level, said),) = bad(check_database(patient))
    assert (level, said) == (
        "error",
        "ALLOCATION_DATABASE_URL begins with 'postgresql': this release has sqlite:///… and memory:",
    )


def test_a_database_with_another_journal_is_an_error(tmp_path: Path) -> None:
    patient = replace(healthy(), database=tmp_path / "allocation.sqlite3")
    (tmp_path / "allocation.sqlite3").touch()
    inspection_of(patient).journal_mode = "delete"
    ((level, said),) = bad(check_database(patient))
    assert (level, said.startswith("the file says journal_mode=delete, the service writes with WAL")) == ("error", True)


def test_a_folder_on_which_nothing_was_started_is_named_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    patient = replace(stopped(healthy()), database=Path("allocation-data/allocation.sqlite3"), inspection=None)
    folder = tmp_path / "allocation-data"
    assert bad(check_database(patient)) == [("warning", f"nothing was ever started on the folder {folder}: it does not exist")]
    folder.mkdir()
    said = f"nothing was ever started on the folder {folder}: there is no database allocation.sqlite3 in it"
    assert bad(check_database(patient)) == [("warning", said)]


def test_a_database_that_is_gone_is_told_from_one_that_never_was(tmp_path: Path) -> None:
    (tmp_path / "service.lock").touch()
    patient = replace(healthy(), database=tmp_path / "allocation.sqlite3", inspection=None)
    ((level, said),) = bad(check_database(patient))
    assert (level, said.startswith("the service runs, and there is no database allocation.sqlite3")) == ("error", True)
    ((level, said),) = bad(check_database(stopped(patient)))
    assert (level, said.endswith("that start failed early, or the file was removed")) == ("warning", True)


@pytest.mark.parametrize(
    ("revision", "is_known", "advice"),
    [("0001", True, "start this release once"), ("0099", False, "or a newer one"), (None, False, "ALLOCATION_DATA_FOLDER")],
)
def test_tables_of_another_release_are_an_error(revision: str | None, is_known: bool, advice: str) -> None:  # noqa: FBT001 - a parameter of the test
    patient = healthy()
    patient.inspection = replace(inspection_of(patient), revision=revision, is_revision_known=is_known)
    (finding,) = check_schema(patient)
    assert (finding.level, advice in finding.advice) == (Level.ERROR, True)


@pytest.mark.parametrize(
    ("share", "levels"), [(0.49, []), (0.5, ["warning"]), (0.89, ["warning"]), (0.9, ["error"]), (1.0, ["error"])]
)
@pytest.mark.parametrize("what", ["bytes", "messages"])
def test_a_stream_is_noted_when_it_is_half_full_and_late_at_nine_tenths(what: str, share: float, levels: list[str]) -> None:
    patient = healthy()
    inbound: dict[str, Any] = broker_of(patient).inbound or {}
    inbound["config"]["max_msgs"] = 1_000
    limit = inbound["config"]["max_bytes"] if what == "bytes" else 1_000
    inbound["state"][what] = int(limit * share + 0.5)
    assert [level for level, _ in bad(check_fill(patient))] == levels


def test_a_stream_without_limits_cannot_fill_up() -> None:
    patient = healthy()
    inbound: dict[str, Any] = broker_of(patient).inbound or {}
    inbound["config"]["max_bytes"] = inbound["config"]["max_msgs"] = -1
    inbound["state"]["bytes"] = 1 << 50
    assert bad(check_fill(patient)) == []


def test_a_broker_that_acknowledges_before_it_writes_is_an_error_and_one_that_does_not_say_is_a_note() -> None:
    patient = healthy()
    broker_of(patient).syncs_always = False
    assert [level for level, _ in bad(check_broker(patient))] == ["error"]
    broker_of(patient).syncs_always = None
    (finding,) = check_broker(patient)
    assert (finding.level, "sync_interval: always" in finding.advice) == (Level.NOTE, True)


def test_the_broker_of_a_running_service_is_mended_otherwise_than_one_that_others_run(tmp_path: Path) -> None:
    def advice(patient: Patient) -> str:
        away = replace(patient, database=tmp_path / "allocation.sqlite3", broker=None, not_connected="no broker")
        (finding,) = check_broker(away)
        assert (finding.level, "no broker" in finding.found) == (Level.ERROR, True)
        return finding.advice

    elsewhere = "start it, or set ALLOCATION_NATS_URLS and ALLOCATION_NATS_CREDENTIALS_FILE"
    assert advice(healthy()) == elsewhere, "`serve` has none of its own"
    BrokerFiles(tmp_path).record.touch()
    assert advice(healthy()).startswith(f"see why in its log, {tmp_path / 'broker.log'}; if it stays so, restart the service")
    assert advice(healthy(nats_urls="nats://192.0.2.1:4222")) == elsewhere


@pytest.mark.parametrize(
    ("setting", "value"),
    [("storage", "memory"), ("discard", "old"), ("retention", "workqueue"), ("subjects", ["order.placed"])],
)
def test_a_stream_that_is_otherwise_than_the_service_counts_on_is_an_error(setting: str, value: object) -> None:
    patient = healthy()
    inbound: dict[str, Any] = broker_of(patient).inbound or {}
    inbound["config"][setting] = value
    ((level, said),) = bad(check_streams(patient))
    assert (level, setting in said) == ("error", True)


def test_an_event_stream_without_atomic_batches_is_an_error() -> None:
    patient = healthy()
    events: dict[str, Any] = broker_of(patient).events or {}
    events["config"]["allow_atomic"] = False
    assert bad(check_streams(patient)) == [
        (
            "error",
            "stream ALLOCATION_EVENTS is otherwise than the service counts on: allow_atomic: ours true, theirs false",
        )
    ]


def test_a_consumer_that_gives_up_is_an_error() -> None:
    patient = healthy()
    consumer: dict[str, Any] = broker_of(patient).consumer or {}
    consumer["config"]["max_deliver"] = 5
    ((level, said),) = bad(check_streams(patient))
    assert (level, "max_deliver: ours -1, theirs 5" in said) == ("error", True)


def test_one_replica_in_a_cluster_and_replicas_that_are_away_are_warned_of() -> None:
    patient = healthy()
    inbound: dict[str, Any] = broker_of(patient).inbound or {}
    inbound["cluster"] = {"name": "warehouse", "leader": "one", "replicas": []}
    events: dict[str, Any] = broker_of(patient).events or {}
    events["config"]["num_replicas"] = 3
    others = [{"name": "two", "current": True}, {"name": "three", "current": False, "offline": True}]
    events["cluster"] = {"name": "warehouse", "leader": "one", "replicas": others}
    assert bad(check_streams(patient)) == [
        ("warning", "stream ALLOCATION_INBOUND has 1 replica in cluster warehouse: what its one server loses is lost"),
        ("warning", "stream ALLOCATION_EVENTS: its replica on three is offline"),
    ]


@pytest.mark.parametrize("running", [True, False])
def test_streams_that_are_not_there_are_an_error_only_while_the_service_runs(running: bool) -> None:  # noqa: FBT001 - a parameter of the test
    patient = healthy() if running else stopped(healthy())
    patient.broker = replace(broker_of(patient), inbound=None, events=None, consumer=None)
    assert [level for level, _ in bad(check_streams(patient))] == (["error", "error"] if running else [])


def test_what_waits_for_long_is_warned_of() -> None:
    patient = healthy()
    broker, inspection = broker_of(patient), inspection_of(patient)
    consumer: dict[str, Any] = broker.consumer or {}
    consumer["num_pending"], consumer["num_ack_pending"] = 1_234, 5
    inspection.outbox_rows = inspection.parked_rows = 3
    broker.oldest_unacknowledged = inspection.outbox_oldest_at = NOW - A_MINUTE
    assert bad(check_backlog(patient)) == []
    broker.oldest_unacknowledged = inspection.outbox_oldest_at = inspection.parked_oldest_at = NOW - 10 * A_MINUTE
    assert bad(check_backlog(patient)) == [
        (
            "warning",
            "1,234 inbound messages are unread and 5 unacknowledged, the oldest for 10 minutes, above 60 seconds",
        ),
        ("warning", "3 events wait to be published, the first happened 10 minutes ago, above 60 seconds"),
        ("warning", "messages that are parked: 3, the oldest for 10 minutes"),
    ]
    assert {finding.advice for finding in check_backlog(stopped(patient))} == {"start the service", "allocation parked list"}


def test_a_database_that_is_older_than_its_consumer_is_an_error_that_says_how_to_go_on() -> None:
    patient = healthy()
    inspection_of(patient).streams["ALLOCATION_INBOUND"].last_sequence = 4
    (finding,) = check_copies(patient)
    assert finding.level is Level.ERROR
    assert "consumed stream ALLOCATION_INBOUND up to 4, and up to 7 is acknowledged" in finding.found
    assert finding.advice == "allocation consumer reset --from-sequence 5"


def test_a_stream_that_is_older_than_the_database_is_warned_of() -> None:
    patient = healthy()
    inspection_of(patient).streams["ALLOCATION_EVENTS"].last_sequence = 90
    ((level, said),) = bad(check_copies(patient))
    assert (level, said.startswith("stream ALLOCATION_EVENTS ends at 9, and the database knows it up to 90")) == (
        "warning",
        True,
    )


def test_an_event_stream_that_is_older_than_the_database_is_verified() -> None:
    patient = healthy()
    inspection_of(patient).streams["ALLOCATION_EVENTS"].last_sequence = 90
    (running,), (not_running,) = check_copies(patient), check_copies(stopped(patient))
    assert running.advice == "allocation outbox verify"
    assert not_running.advice == "start the service; then: allocation outbox verify"


def test_an_inbound_stream_that_is_older_than_the_database_has_its_publishers_send_again() -> None:
    patient = healthy()
    inspection_of(patient).streams["ALLOCATION_INBOUND"].last_sequence = 90
    (running,), (not_running,) = check_copies(patient), check_copies(stopped(patient))
    assert running.found == "stream ALLOCATION_INBOUND ends at 7, and the database knows it up to 90: it is an older copy"
    assert running.advice.startswith("if it stays so, restart the service: ")
    assert not_running.advice.startswith("start the service: ")
    for finding in (running, not_running):
        assert finding.advice.endswith("have publishers send again what the stream lacks and was not consumed")
        assert "outbox" not in finding.advice, "that is about the other stream"


def test_an_older_copy_of_the_inbound_stream_is_known_when_it_has_grown_since() -> None:
    patient = stopped(healthy())
    inspection_of(patient).streams["ALLOCATION_INBOUND"].last_stored_at = 1_000_000
    for stored_at, levels in ((None, []), (1_000_001, []), (5_000_000, ["warning"])):
        broker_of(patient).last_consumed_stored_at = stored_at
        assert [level for level, _ in bad(check_copies(patient))] == levels
    (finding,) = check_copies(patient)
    assert finding.found.startswith("message 7 of stream ALLOCATION_INBOUND is not the one that the database has consumed")
    assert finding.advice.startswith("start the service: ")


def test_what_could_not_be_asked_of_a_stream_is_not_called_well() -> None:
    patient = healthy()
    broker_of(patient).not_answered = "no answer"
    ((level, said),) = bad(check_copies(patient))
    assert (level, said.endswith("cannot be told: no answer")) == ("warning", True)


def test_a_stream_that_was_made_anew_is_noticed_by_a_service_that_starts() -> None:
    patient = healthy()
    inspection_of(patient).streams["ALLOCATION_EVENTS"].created_at = "sunday"
    (running,), (not_running,) = check_copies(patient), check_copies(stopped(patient))
    assert not running.advice.startswith("start the service")
    assert not_running.advice == "start the service: it notices"


@pytest.mark.parametrize(("offset", "levels"), [(0.0, []), (0.9, []), (1.1, ["warning"]), (-3_600.0, ["warning"])])
def test_clocks_that_are_more_than_a_second_apart_are_warned_of(offset: float, levels: list[str]) -> None:
    patient = healthy()
    broker_of(patient).clock_offset_seconds = offset
    assert [level for level, _ in bad(check_clock(patient))] == levels


def test_a_log_from_the_future_is_an_error() -> None:
    patient = healthy()
    inspection_of(patient).newest_event_at = NOW + 60 * A_MINUTE
    assert bad(check_clock(patient)) == [
        ("error", "the newest event of the log is of 60 minutes from now: the clock was put back or wrong")
    ]


def test_streams_that_may_outgrow_the_disk_are_warned_of(tmp_path: Path) -> None:
    patient = replace(healthy(), database=tmp_path / "allocation.sqlite3")
    events: dict[str, Any] = broker_of(patient).events or {}
    events["config"]["max_bytes"] = 1 << 60
    assert [level for level, said in bad(check_disk(patient)) if "may grow" in said] == ["warning"]
    broker_of(patient).is_embedded = False
    assert not [said for _, said in bad(check_disk(patient)) if "may grow" in said]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"answering_process_id": None, "admin_error": "UNAVAILABLE"}, "does not answer operators' tools on 127.0.0.1:50052"),
        ({"answering_process_id": 2}, "process 2 answers on 127.0.0.1:50052, and 1 is the service"),
        ({"health": {"": "NOT_SERVING", "allocation.broker": "SERVING"}}, "NOT_SERVING: the store is away"),
        ({"health": {"": "UNAVAILABLE", "allocation.broker": "UNAVAILABLE"}}, "gRPC does not answer on 127.0.0.1:50051"),
        ({"health": {"": "SERVING", "allocation.broker": "NOT_SERVING"}}, "it has no broker"),
        ({"lock_error": "service.lock: Permission denied", "process_id": None}, "whether a service runs cannot be seen"),
    ],
)
def test_a_service_that_runs_and_does_not_answer_is_an_error(changes: dict[str, Any], said: str) -> None:
    patient = healthy()
    patient.running = replace(patient.running, **changes)
    ((level, found),) = bad(check_process(patient))
    assert (level, said in found) == ("error", True), found


def test_figures_are_written_in_the_unit_that_is_easiest_to_read() -> None:
    assert [duration(seconds) for seconds in (0.25, 59, 119, 120, 7_200, 172_800)] == [
        "0.2 seconds",
        "59 seconds",
        "119 seconds",
        "2 minutes",
        "2 hours",
        "2 days",
    ]
    assert [size(count) for count in (999, 1 << 10, 3 << 20, 5 << 30)] == ["999 bytes", "1.0 KiB", "3.0 MiB", "5.0 GiB"]
