"""What an operator sees of the command line: help, settings, and one line that says what to do when it cannot start."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.command import complaint_of, run_allocation
from tests.service_process import ServiceProcess

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def unstarted(tmp_path: Path) -> ServiceProcess:
    """The settings of a service with a folder and ports of its own."""
    return ServiceProcess(tmp_path)


@pytest.fixture
def port_in_use() -> Iterator[int]:
    """A port that somebody else listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port: int = listening.getsockname()[1]
        yield port


def test_help_names_every_command(unstarted: ServiceProcess) -> None:
    script = Path(sys.executable).with_name("allocation")
    shown = subprocess.run(  # noqa: S603 - our own program
        [script, "--help"], env=unstarted.environment(), capture_output=True, text=True, check=True, timeout=30
    )
    assert all(command in shown.stdout for command in ("dev", "serve", "settings"))
    assert "`allocation settings`" in shown.stdout


@pytest.mark.parametrize(("command", "option"), [("dev", "--adopt"), ("serve", "--adopt"), ("settings", "--json")])
def test_every_command_has_help(unstarted: ServiceProcess, command: str, option: str) -> None:
    shown = run_allocation(command, "--help", environment=unstarted.environment())
    assert (shown.returncode, option in shown.stdout) == (0, True)


def test_settings_are_listed_with_their_meaning_and_without_passwords(unstarted: ServiceProcess) -> None:
    unstarted.settings["nats_urls"] = "nats://clerk:open-sesame@one:4222, nats://s3cr3t-token@two:4222,three:4222"
    listed = run_allocation("settings", environment=unstarted.environment())
    assert listed.returncode == 0
    assert f"ALLOCATION_GRPC_PORT={unstarted.grpc_port}  [port]  (default 50051)\n    the port that" in listed.stdout
    assert "ALLOCATION_POLL_SECONDS=5.0  [seconds]\n" in listed.stdout
    assert "ALLOCATION_NATS_URLS=nats://clerk:***@one:4222,nats://***@two:4222,three:4222" in listed.stdout
    assert "open-sesame" not in listed.stdout
    assert "s3cr3t" not in listed.stdout


def test_settings_are_listed_for_machines(unstarted: ServiceProcess) -> None:
    unstarted.settings["database_url"] = "postgresql://clerk:open-sesame@host/stock"
    listed = run_allocation("settings", "--json", environment=unstarted.environment())
    rows = {row["name"]: row for row in json.loads(listed.stdout)}
    assert rows["ALLOCATION_DATABASE_URL"]["value"] == "postgresql://clerk:***@host/stock"
    assert rows["ALLOCATION_NATS_PORT"] == {
        "name": "ALLOCATION_NATS_PORT",
        "value": unstarted.nats_port,
        "default": 4222,
        "unit": "port",
        "meaning": "of the broker that `dev` runs, on 127.0.0.1",
    }
    assert all(row["meaning"] and row["unit"] for row in rows.values())


def test_a_password_in_a_url_without_a_scheme_is_hidden_too(unstarted: ServiceProcess) -> None:
    for urls in ("clerk:open-sesame@one:4222", "nats://two:4222,clerk:open-sesame@one:4222"):
        unstarted.settings["nats_urls"] = urls
        listed = run_allocation("settings", environment=unstarted.environment())
        assert "open-sesame" not in listed.stdout


@pytest.mark.parametrize(
    ("command", "settings", "complaint"),
    [
        ("dev", {"grpc_prot": 1}, "unknown setting ALLOCATION_GRPC_PROT: did you mean ALLOCATION_GRPC_PORT?"),
        ("settings", {"colour": "red"}, "unknown setting ALLOCATION_COLOUR: `allocation settings` lists them all"),
        ("settings", {"grpc_port": "many"}, "ALLOCATION_GRPC_PORT='many': input should be a valid integer"),
        ("settings", {"nats_port": 70_000}, "ALLOCATION_NATS_PORT='70000': input should be less than or equal to 65535"),
        ("settings", {"unknown_wait_seconds": "inf"}, "ALLOCATION_UNKNOWN_WAIT_SECONDS='inf': "),
        ("dev", {"grpc_host": "192.0.2.1"}, "gRPC cannot listen on 192.0.2.1:"),
        ("dev", {"deliveries_max": 3}, "ALLOCATION_DELIVERIES_MAX=3 must be above 11, the deliveries that fit into"),
        ("serve", {"database_url": "postgresql://host/stock"}, "ALLOCATION_DATABASE_URL begins with 'postgresql'"),
        ("serve", {"database_url": "stock"}, "ALLOCATION_DATABASE_URL begins with 'stock'"),
        ("serve", {"database_url": "sqlite://"}, "ALLOCATION_DATABASE_URL names no file"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_setting_that_cannot_be_ends_the_start_with_one_line(
    unstarted: ServiceProcess, command: str, settings: dict[str, Any], complaint: str
) -> None:
    unstarted.settings |= settings
    ended = run_allocation(command, environment=unstarted.environment())
    assert complaint_of(ended).startswith(complaint)
    assert ended.stdout == ""


def test_a_data_folder_that_is_a_file_ends_the_start_with_one_line(unstarted: ServiceProcess) -> None:
    unstarted.data_folder.write_text("no folder")
    complaint = complaint_of(run_allocation("dev", environment=unstarted.environment()))
    assert complaint.startswith(f"the data folder {unstarted.data_folder} cannot be used: it is not a folder")
    assert complaint.endswith("set ALLOCATION_DATA_FOLDER to a folder that this user can write to")
    assert unstarted.data_folder.read_text() == "no folder"


def test_a_database_that_is_none_ends_the_start_with_one_line(unstarted: ServiceProcess) -> None:
    unstarted.data_folder.mkdir()
    unstarted.database.write_bytes(b"somebody's diary\n" * 1_000)
    complaint = complaint_of(run_allocation("dev", environment=unstarted.environment()))
    assert str(unstarted.database) in complaint
    assert unstarted.database.read_bytes() == b"somebody's diary\n" * 1_000


def test_a_grpc_port_in_use_ends_the_start_with_one_line(unstarted: ServiceProcess, port_in_use: int) -> None:
    unstarted.settings["grpc_port"] = port_in_use
    ended = run_allocation("dev", environment=unstarted.environment())
    assert complaint_of(ended) == (
        f"gRPC cannot listen on 127.0.0.1:{port_in_use}: another program does, or it is no address of this machine; "
        "stop it, or set ALLOCATION_GRPC_PORT"
    )
    assert ended.stdout == ""
    assert not (unstarted.data_folder / "broker.pid.json").exists()


def test_a_nats_port_in_use_ends_the_start_with_one_line(unstarted: ServiceProcess, port_in_use: int) -> None:
    unstarted.settings["nats_port"] = port_in_use
    complaint = complaint_of(run_allocation("dev", environment=unstarted.environment()))
    assert complaint == f"port {port_in_use} is in use by another program; stop it, or set ALLOCATION_NATS_PORT"


@pytest.mark.parametrize("command", ["dev", "serve"])
def test_a_second_service_on_the_same_data_folder_ends_with_one_line(
    service: ServiceProcess, unstarted: ServiceProcess, command: str
) -> None:
    unstarted.data_folder = service.data_folder
    complaint = complaint_of(run_allocation(command, environment=unstarted.environment()))
    assert complaint == (
        f"another service (pid {service.pid}) already uses {service.data_folder}; "
        "stop it, or set ALLOCATION_DATA_FOLDER to another folder"
    )
    assert service.serves()


def test_a_second_service_on_the_same_grpc_port_ends_with_one_line(service: ServiceProcess, unstarted: ServiceProcess) -> None:
    unstarted.grpc_port = service.grpc_port
    complaint = complaint_of(run_allocation("dev", environment=unstarted.environment()))
    assert complaint.startswith(f"gRPC cannot listen on {service.grpc_address}")
    assert service.serves()
