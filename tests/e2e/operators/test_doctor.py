"""`allocation doctor` beside a service that runs, on one that is stopped, and on all that can be wrong with a folder."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import nats
import pytest
import trustme
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from allocation.adapters.sql import migrate
from tests.certificates import Authority, PairFiles
from tests.e2e.command import run_allocation
from tests.e2e.operators.command_line import run_command
from tests.e2e.operators.forked_service import ForkedService
from tests.e2e.publishing import publish, set_aside
from tests.nats_server import NatsServer
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

Bad = list[tuple[str, str, str]]
_AS_ANYBODY = """
import os
import aiosqlite, sqlalchemy.dialects.sqlite.aiosqlite  # they lie where nobody may read, perhaps
from allocation.__main__ import app
from allocation.operators.doctor import examination
if os.geteuid() == 0:  # No folder is closed to root.
    os.setgid(65534)
    os.setuid(65534)
app(["doctor", "--json"])
"""


def examined(service: ForkedService, *options: str) -> list[dict[str, Any]]:
    """Ask the doctor, see that its status fits what it found, and answer all of that."""
    ended = run_command("doctor", "--json", *options, environment=service.environment())
    assert ended.stderr == ""
    told: dict[str, Any] = json.loads(ended.stdout)
    findings: list[dict[str, Any]] = told["findings"]
    is_bad = bool(told["counts"]["warning"] + told["counts"]["error"])
    assert ended.returncode == (3 if is_bad else 0), ended.stdout
    assert all(set(finding) == {"check", "level", "found", "advice"} for finding in findings)
    return findings


def bad(findings: list[dict[str, Any]]) -> Bad:
    """Answer what is bad: the check, the level and what was found; each says what to do."""
    found = [finding for finding in findings if finding["level"] in ("warning", "error")]
    assert all(finding["advice"] for finding in found)
    return [(finding["check"], finding["level"], finding["found"]) for finding in found]


@pytest.fixture(scope="module")
def stopped_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedService]:
    """A service that ran and was stopped in order."""
    with ForkedService(tmp_path_factory.mktemp("stopped")) as ran:
        ran.start()
        ran.interrupt()
        yield ran


@pytest.fixture
def stopped(stopped_folder: ForkedService, tmp_path: Path) -> ForkedService:
    """A copy of it, for a test to spoil."""
    copied = ForkedService(tmp_path)
    copied.data_folder.mkdir(mode=0o700)
    copied.database.write_bytes(stopped_folder.database.read_bytes())
    return copied


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedService]:
    """A service of these tests' own; each leaves it well."""
    with ForkedService(tmp_path_factory.mktemp("running")) as service:
        yield service.start()


def test_a_running_service_is_well(running: ForkedService) -> None:
    findings = examined(running, "--thorough")
    assert bad(findings) == []
    said = {finding["found"] for finding in findings}
    assert f"the service runs, process {running.pid}" in said
    assert "SQLite finds the file whole (quick_check, foreign_key_check)" in said
    assert "this clock and the broker's are less than 1 s apart" in said
    told = run_allocation("doctor", environment=running.environment())
    assert (told.returncode, told.stdout.splitlines()[-1].startswith("Nothing is wrong. ")) == (0, True)


def test_a_stopped_service_is_well(stopped: ForkedService) -> None:
    findings = examined(stopped, "--thorough")
    assert bad(findings) == []
    assert "no service runs on this state" in {finding["found"] for finding in findings}


def test_a_folder_on_which_nothing_was_ever_started_is_warned_of_and_not_created(tmp_path: Path) -> None:
    service = ForkedService(tmp_path)
    (finding,) = [one for one in examined(service) if one["level"] in ("warning", "error")]
    assert (finding["check"], finding["level"]) == ("database", "warning")
    assert finding["found"] == f"nothing was ever started on the folder {service.data_folder}: it does not exist"
    assert finding["advice"].startswith("set ALLOCATION_DATA_FOLDER or ALLOCATION_DATABASE_URL as the service has it; ")
    assert not service.data_folder.exists()


@pytest.mark.parametrize("was_started", [True, False])
def test_a_folder_without_a_database_is_left_as_it_was(tmp_path: Path, *, was_started: bool) -> None:
    service = ForkedService(tmp_path)
    service.data_folder.mkdir(mode=0o700)
    if was_started:
        (service.data_folder / "service.lock").touch()
    there = sorted(service.data_folder.iterdir())
    ((check, level, said),) = bad(examined(service, "--thorough"))
    assert (check, level) == ("database", "warning")
    began = "a service was started on the folder" if was_started else "nothing was ever started on the folder"
    assert said.startswith(f"{began} {service.data_folder}")
    assert sorted(service.data_folder.iterdir()) == there


def test_a_folder_with_a_database_is_left_as_it_was(stopped: ForkedService) -> None:
    before = {path.name: path.read_bytes() for path in stopped.data_folder.iterdir()}
    assert bad(examined(stopped, "--thorough")) == []
    assert {path.name: path.read_bytes() for path in stopped.data_folder.iterdir()} == before


async def test_a_parked_message_is_warned_of(running: ForkedService) -> None:
    client = await nats.connect(running.nats_url, allow_reconnect=False)
    await set_aside(running, await publish(client, "order.placed", b"\xff"))
    await client.close()
    ((check, level, found),) = bad(examined(running))
    assert (check, level, "messages that are parked: 1" in found) == ("backlog", "warning", True)
    discard = ("parked", "discard", "--everything", "--yes", "--reason", "seen")
    assert run_command(*discard, environment=running.environment()).returncode == 0
    assert bad(examined(running)) == []


def test_a_wrong_admin_port_is_an_error_while_the_service_runs(running: ForkedService) -> None:
    asked = ForkedService(running.data_folder.parent)
    asked.grpc_port, asked.nats_port = running.grpc_port, running.nats_port
    found = [one for one in bad(examined(asked)) if one[0] == "service"]
    assert [(level, said.partition(" (")[0]) for _, level, said in found] == [
        ("error", f"the service does not answer operators' tools on 127.0.0.1:{asked.admin_port}")
    ]


def test_a_service_whose_broker_died_says_so(tmp_path: Path) -> None:
    with NatsServer(tmp_path / "broker") as broker, ForkedService(tmp_path, "serve") as service:
        service.settings["nats_urls"] = broker.url
        service.start()
        broker.kill()
        found = [one for one in bad(examined(service)) if one[0] == "broker"]
        assert [level for _, level, _ in found] == ["error"]
        assert f"no broker at 127.0.0.1:{broker.port}" in found[0][2]
        service.kill()


def test_the_services_own_broker_that_is_frozen_is_told_with_where_its_log_is(tmp_path: Path) -> None:
    with ForkedService(tmp_path) as service:
        service.start()
        os.kill(service.broker_pid, signal.SIGSTOP)
        try:
            found = [one for one in examined(service) if one["check"] == "broker" and one["level"] == "error"]
        finally:
            os.kill(service.broker_pid, signal.SIGCONT)
    (error,) = found
    assert str(service.data_folder / "broker.log") in error["advice"]


def test_a_misspelt_setting_is_the_first_thing_to_be_set_right(stopped: ForkedService) -> None:
    stopped.settings["grpc_prot"] = 1
    ((check, level, said),) = bad(examined(stopped))
    assert (check, level) == ("settings", "error")
    assert said == "unknown setting ALLOCATION_GRPC_PROT: did you mean ALLOCATION_GRPC_PORT?"


def test_settings_that_contradict_each_other_are_an_error(stopped: ForkedService) -> None:
    stopped.settings["deliveries_max"] = 3
    ((check, level, said),) = bad(examined(stopped))
    assert (check, level, said.startswith("ALLOCATION_DELIVERIES_MAX=3 must be above 11")) == ("settings", "error", True)


def test_a_database_of_another_kind_is_an_error(stopped: ForkedService) -> None:
    stopped.settings["database_url"] = "postgresql://host/stock"
    ((check, level, said),) = bad(examined(stopped))
    assert (check, level) == ("database", "error")
    assert said.startswith("ALLOCATION_DATABASE_URL begins with 'postgresql': this release has")


def test_a_url_that_names_no_file_is_told_in_words(stopped: ForkedService) -> None:
    stopped.settings["database_url"] = "sqlite://"
    assert any("names no file" in said for _, _, said in bad(examined(stopped)))


def test_a_folder_that_others_may_enter_is_told_with_the_command_that_closes_it(stopped: ForkedService) -> None:
    stopped.data_folder.chmod(0o755)
    ((check, level, said),) = bad(examined(stopped))
    assert (check, level) == ("permissions", "warning")
    assert said == f"others may look into {stopped.data_folder} (mode 0755, 0700 is enough)"
    stopped.data_folder.chmod(0o777)
    assert [level for _, level, _ in bad(examined(stopped))] == ["error"]


def test_a_folder_that_cannot_be_read_is_told_without_a_traceback(stopped: ForkedService) -> None:
    with TemporaryDirectory() as everybody:
        Path(everybody).chmod(0o755)
        stopped.data_folder = stopped.data_folder.rename(f"{everybody}/allocation-data")
        stopped.data_folder.chmod(0o000)
        ended = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", _AS_ANYBODY],
            env=stopped.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        stopped.data_folder.chmod(0o700)
    assert (ended.returncode, ended.stderr) == (3, "")
    errors = {one["check"]: one["advice"] for one in json.loads(ended.stdout)["findings"] if one["level"] == "error"}
    assert {"permissions", "database"} <= set(errors)
    assert errors["database"] == "run the doctor as the user that the service runs as", "nothing is to be restored"


def test_a_damaged_database_is_found_when_all_of_it_is_read(stopped: ForkedService) -> None:
    with closing(sqlite3.connect(stopped.database)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'fences'").fetchone()
        (page,) = connection.execute("PRAGMA page_size").fetchone()
    with stopped.database.open("r+b") as file:
        file.seek((root - 1) * page)
        file.write(b"\xde\xad" * 100)
    ((check, level, said),) = bad(examined(stopped, "--thorough"))
    assert (check, level) == ("database", "error")
    assert said.startswith("the database is damaged: ")


def test_a_file_that_is_no_database_is_an_error(stopped: ForkedService) -> None:
    stopped.database.write_bytes(b"somebody's diary\n" * 1_000)
    found = [one for one in bad(examined(stopped)) if one[0] == "database"]
    assert [(level, str(stopped.database) in said) for _, level, said in found] == [("error", True)]


def test_tables_of_a_former_release_are_an_error_that_says_how_they_get_up_to_date(stopped: ForkedService) -> None:
    engine = create_engine(f"sqlite:///{stopped.database}")
    with engine.connect() as connection:
        configuration = Config()
        configuration.set_main_option("script_location", str(migrate._SCRIPTS))  # noqa: SLF001 - a test goes back where nobody does
        configuration.attributes["connection"] = connection
        command.downgrade(configuration, "0001")
        connection.commit()
    engine.dispose()
    ((check, level, said),) = bad(examined(stopped))
    assert (check, level) == ("schema", "error")
    assert said.startswith("the tables are of revision 0001, this release has ")


def test_a_log_from_the_future_is_an_error(stopped: ForkedService) -> None:
    tomorrow = int((datetime.now(UTC) + timedelta(days=1)).timestamp() * 1_000_000)
    with closing(sqlite3.connect(stopped.database)) as connection, connection:
        connection.execute(
            "INSERT INTO events (event_id, type, sku, payload, occurred_at, correlation_id, causation_id)"
            " VALUES ('id', 'internal.PromisingFinished', 'RUG', x'', ?, '', '')",
            (tomorrow,),
        )
    ((check, level, said),) = bad(examined(stopped))
    assert (check, level, said.startswith("the newest event of the log is of ")) == ("clock", "error", True)


@pytest.fixture
def secured(stopped: ForkedService, tmp_path: Path) -> tuple[ForkedService, PairFiles]:
    """A stopped service with a certificate that is good for months."""
    files = PairFiles(tmp_path)
    files.write(Authority().sign())
    files.key.chmod(0o600)
    stopped.settings |= {"grpc_certificate_file": files.certificate, "grpc_key_file": files.key}
    return stopped, files


def test_a_good_certificate_is_well(secured: tuple[ForkedService, PairFiles]) -> None:
    assert bad(examined(secured[0])) == []


@pytest.mark.parametrize(
    ("days", "level", "said"),
    [(-1, "error", "expired 24 hours ago"), (10, "warning", "expires in 10 days (renew 30 days before)")],
)
def test_a_certificate_that_expires_is_told_in_time(
    secured: tuple[ForkedService, PairFiles], days: int, level: str, said: str
) -> None:
    service, files = secured
    expires = datetime.now(UTC) + timedelta(days=days, hours=1 if days > 0 else 0)
    signed = trustme.CA().issue_cert("127.0.0.1", not_after=expires)
    files.certificate.write_bytes(b"".join(pem.bytes() for pem in signed.cert_chain_pems))
    files.key.write_bytes(signed.private_key_pem.bytes())
    ((check, found_level, found),) = bad(examined(service))
    assert (check, found_level) == ("certificates", level)
    assert said in found


def test_a_key_of_another_certificate_is_an_error(secured: tuple[ForkedService, PairFiles]) -> None:
    service, files = secured
    files.write(replace(Authority().sign(), key=Authority().sign().key))
    ((check, level, said),) = bad(examined(service))
    assert (check, level, "it is not the key of the certificate" in said) == ("certificates", "error", True)


def test_a_key_that_every_user_can_read_is_an_error(secured: tuple[ForkedService, PairFiles]) -> None:
    service, files = secured
    files.key.chmod(0o644)
    ((check, level, said),) = bad(examined(service))
    assert (check, level) == ("permissions", "error")
    assert said == f"ALLOCATION_GRPC_KEY_FILE={files.key} can be read by every user of this machine (mode 0644)"


def test_people_read_what_is_wrong_and_what_to_do(stopped: ForkedService) -> None:
    stopped.data_folder.chmod(0o755)
    stopped.admin_port = free_port()
    told = run_command("doctor", environment=stopped.environment())
    lines = told.stdout.splitlines()
    assert told.returncode == 3
    at = lines.index(f"warning  permissions: others may look into {stopped.data_folder} (mode 0755, 0700 is enough)")
    assert lines[at + 1] == f"           do: chmod 0700 {stopped.data_folder}"
    assert lines[-1].startswith("Errors: 0, warnings: 1. ")
