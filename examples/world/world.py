"""Everything that the world consists of, started in order and ended with it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import grpc

from examples.world.processes import Process, allocation_service, free_port, nats_server, wait_for_port
from examples.world.verdict import ask, disagreements

if TYPE_CHECKING:
    from pathlib import Path

    from examples.world.flow import Flow
    from examples.world.programs import Program

# Purchasing goes on after the last order, until no line waits any more.
SETTLE_SECONDS = 60


class World:
    """Everything that runs; use it as a context manager."""

    def __init__(self, folder: Path, programs: list[Program], seconds: int) -> None:
        self.seconds = seconds
        nats_port, grpc_port = free_port(), free_port()
        self.nats_url, self.grpc_target = f"nats://127.0.0.1:{nats_port}", f"127.0.0.1:{grpc_port}"
        self._ports = (nats_port, grpc_port)
        self.broker, self.service = nats_server(folder, nats_port), allocation_service(folder, nats_port, grpc_port)
        environment = {"NATS_URL": self.nats_url, "GRPC_TARGET": self.grpc_target}
        self.programs = [(program, self._process(program, folder, environment)) for program in programs]
        self.lines_kept: dict[str, int] = {}
        self.taken_while_down: int | None = None
        self._stack = ExitStack()

    def _process(self, program: Program, folder: Path, environment: dict[str, str]) -> Process:
        seconds = self.seconds + (SETTLE_SECONDS if program.name == "purchasing" else 0)
        state = str(folder / f"{program.name}.json")
        return Process(program.name, [*program.command, "run", program.name, state, str(seconds)], folder, environment)

    def stop_service(self) -> None:
        """Stop the allocation service, and count from now on what is ordered all the same."""
        self.service.end()
        self.read_news()
        self.taken_while_down = -len(self.lines_kept)

    def start_service(self) -> None:
        """Start it again."""
        self.read_news()
        self.taken_while_down = len(self.lines_kept) + (self.taken_while_down or 0)
        self.service.start()

    def read_news(self) -> list[str]:
        """Read what the programs printed, and remember the orders that were taken."""
        news = []
        for program, process in self.programs:
            for line in process.news():
                if program.name == "orders":
                    self.lines_kept[line["order_id"]] = line["kept"]
                else:
                    news.append(f"{program.name}: " + ", ".join(f"{name} {value}" for name, value in line.items()))
        return news

    def problems(self, flow: Flow) -> list[str]:
        """Say what does not agree, now."""
        figures: dict[str, dict[str, Any]] = {program.name: process.figures for program, process in self.programs}
        try:
            truth = ask(self.grpc_target, flow.skus, self.lines_kept, flow.orders_of)
        except grpc.RpcError as error:
            return [f"the service does not answer: {error.code().name}"]
        found = disagreements(figures, self.lines_kept, truth)
        if "orders" in figures and not self.taken_while_down:
            found.append("no order was taken while the service was down")
        dead = [process for _, process in self.programs if not process.is_running]
        return found + [f"{process.name} has died:\n{process.last_words()}" for process in dead]

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.broker)
            wait_for_port(self.broker, self._ports[0])
            stack.enter_context(self.service)
            wait_for_port(self.service, self._ports[1])
            for _, process in self.programs:
                stack.enter_context(process)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
