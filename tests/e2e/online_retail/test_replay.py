"""The example as people run it, on a running service, with two made-up days."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from stock.allocation.v1.allocation_service_pb2 import ListBatchesRequest

from tests.e2e.online_retail.invoices import adjustment, row, write_day
from tests.ports import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from stock.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub

    from tests.service_process import ServiceProcess

REPOSITORY = Path(__file__).parents[3]
RUN_SECONDS = 100.0
# A run waits for its last events up to four times.
DEADLINE_SECONDS = 15.0
HALF_ON_THE_SHELF = ("--coverage", "1", "--in-stock", "0.5")
FIRST_DAY = [
    # A shelf of 5 and a shipment of 5: one line each, and the third fits nowhere.
    row("100001", "SMALL-TABLE", 4),
    row("100001", "SMALL-TABLE", 4),
    row("100001", "POST", 1, "POSTAGE"),
    row("100002", "SMALL-TABLE", 2),
    # 4 and 4: the rug has room, the long rug has none.
    row("100002", "MISBEGOTTEN-RUG", 6),
    row("100002", "MISBEGOTTEN-RUG", 2),
    row("100003", "écharpe-rouge", 1, "ÉCHARPE, TRÈS ROUGE"),
    row("100003", "ÉCHARPE-ROUGE", 1, "ÉCHARPE, TRÈS ROUGE"),
    row("100003", "BOTTOMLESS-TEAPOT", 1),
    row("100004", "BOTTOMLESS-TEAPOT", 1),
    row("C100001", "SMALL-TABLE", -4),
    adjustment("100005", "SMALL-TABLE", -3),  # backordered until the next day
    adjustment("100006", "MISBEGOTTEN-RUG", -3, "wet damaged"),  # goes to the shipment
    adjustment("100007", "BOTTOMLESS-TEAPOT", -1, "no bottom"),  # backordered for good
    adjustment("100008", "ÉCHARPE-ROUGE", 3, "amazon"),  # found
    adjustment("100009", "CLOCK-NOBODY-WANTS", -2, "ticks"),
]
SECOND_DAY = [
    # A shelf of 4, which the backordered table takes, and a shipment of 4.
    row("100010", "SMALL-TABLE", 8),
    row("100011", "FLUFFY-CUSHION", 1, "", UnitPrice="0.0"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two days of orders."""
    write_day(tmp_path / "days", "2031-03-01", FIRST_DAY)
    write_day(tmp_path / "days", "2031-03-02", SECOND_DAY)
    return tmp_path / "days"


def command(folder: Path, grpc: str, nats: str, *options: str) -> list[str]:
    return [
        sys.executable,
        "examples/online_retail",
        str(folder),
        "--grpc",
        grpc,
        "--nats",
        nats,
        "--deadline-seconds",
        str(DEADLINE_SECONDS),
        *options,
    ]


def replay(folder: Path, grpc: str, nats: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own example
        command(folder, grpc, nats, *options), cwd=REPOSITORY, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
    )


def figures(output: str) -> dict[str, list[str]]:
    """Read the counts of each row of the table."""
    rows = [line.split() for line in output.splitlines()]
    return {cells[0]: cells[1:8] for cells in rows if cells and (cells[0] == "all" or cells[0].startswith("2031-"))}


def test_replays_the_days_and_finds_all_in_order(folder: Path, service: ServiceProcess) -> None:
    done = replay(folder, service.grpc_address, service.nats_url, *HALF_ON_THE_SHELF, "--in-flight", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    # asked, allocated, backordered, out of stock, deallocated, reallocated
    counted = figures(done.stdout)
    assert counted["2031-03-01"][:6] == ["9", "6", "1", "2", "3", "2"]
    # 3 batches, one line allocated, one out of stock
    assert counted["2031-03-02"] == ["2", "1", "0", "1", "0", "0", "5"]
    assert counted["all"][:6] == ["11", "7", "1", "3", "3", "2"]
    assert "4 adjustments published, 1 adjustments without effect" in done.stdout
    assert "1 postage and fees" in done.stdout
    assert "1 cancellations" in done.stdout
    assert done.stdout.count("holds") == 9
    assert "FAILED" not in done.stdout


def test_the_same_days_can_be_replayed_again_and_many_lines_at_once(folder: Path, service: ServiceProcess) -> None:
    for _ in range(2):
        done = replay(folder, service.grpc_address, service.nats_url, *HALF_ON_THE_SHELF)
        assert done.returncode == 0, done.stdout + done.stderr
        assert figures(done.stdout)["all"][0] == "11"


def test_a_run_is_not_replayed_twice(folder: Path, service: ServiceProcess) -> None:
    name = f"twice{uuid.uuid4().hex[:12]}"
    first, second = (
        replay(folder, service.grpc_address, service.nats_url, *HALF_ON_THE_SHELF, "--run", name) for _ in range(2)
    )
    assert first.returncode == 0, first.stdout + first.stderr
    assert second.returncode == 1
    assert second.stderr == (
        "online_retail: a run of this name was replayed here before: give --run another one, or leave it out\n"
    )


def test_days_that_displace_nothing_prove_too_little(tmp_path: Path, service: ServiceProcess) -> None:
    for day in ("2031-03-01", "2031-03-02"):
        write_day(tmp_path, day, SECOND_DAY)
    done = replay(tmp_path, service.grpc_address, service.nats_url)
    assert done.returncode == 1
    assert "FAILED damage displaced lines" in done.stdout
    assert "2 days, 0 lines deallocated and 0 reallocated" in done.stdout
    assert done.stdout.count("FAILED") == 1


def test_one_day_alone_need_not_displace_anything(tmp_path: Path, service: ServiceProcess) -> None:
    write_day(tmp_path, "2031-03-02", SECOND_DAY)
    done = replay(tmp_path, service.grpc_address, service.nats_url)
    assert done.returncode == 0, done.stdout + done.stderr


def test_says_in_one_line_that_the_service_does_not_run(folder: Path, service: ServiceProcess) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    no_grpc = replay(folder, nobody, service.nats_url)
    no_nats = replay(folder, service.grpc_address, f"nats://{nobody}")
    assert (no_grpc.returncode, no_nats.returncode) == (1, 1)
    assert no_grpc.stderr == f"online_retail: no service answers on {nobody}: start it with `make run`\n"
    assert no_nats.stderr == f"online_retail: no broker answers on nats://{nobody}: start the service with `make run`\n"


def test_says_in_one_line_that_there_are_no_files(tmp_path: Path) -> None:
    done = replay(tmp_path, "127.0.0.1:1", "nats://127.0.0.1:1")
    assert done.returncode == 1
    assert done.stderr.startswith(f"online_retail: {tmp_path} has no *.csv files")
    assert done.stderr.count("\n") == 1


def test_ends_at_once_when_it_is_interrupted(tmp_path: Path, service: ServiceProcess, stub: AllocationServiceStub) -> None:
    write_day(tmp_path, "2031-03-01", (row(str(number), "SMALL-TABLE", 1) for number in range(50_000)))
    name = f"interrupted{uuid.uuid4().hex[:12]}"
    running = subprocess.Popen(  # noqa: S603 - our own example
        command(tmp_path, service.grpc_address, service.nats_url, "--run", name, "--in-flight", "2"),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: stub.ListBatches(ListBatchesRequest(sku=f"{name}-SMALL-TABLE")).batches)
        running.send_signal(signal.SIGINT)
        output, errors = running.communicate(timeout=RUN_SECONDS)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 130, errors
    assert output == ""
    assert errors.endswith("online_retail: stopped\n")
    assert "Traceback" not in errors
