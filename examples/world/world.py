"""Everything that the world consists of, started in order and ended with it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from examples.world.processes import Process, allocation_service, free_port, nats_server, wait_for_port
from examples.world.verdict import disagreements, units_promised, unknown_orders

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
        self.orders_taken = 0
        self.order_ids: set[str] = set()
        self._stack = ExitStack()

    def _process(self, program: Program, folder: Path, environment: dict[str, str]) -> Process:
        seconds = self.seconds + (SETTLE_SECONDS if program.name == "purchasing" else 0)
        state = str(folder / f"{program.name}.json")
        return Process(program.name, [*program.command, "run", program.name, state, str(seconds)], folder, environment)

    def read_news(self) -> list[str]:
        """Read what the programs printed, and remember the orders that were taken."""
        news = []
        for program, process in self.programs:
            for line in process.news():
                if program.name == "orders":
                    self._remember(line)
                else:
                    news.append(f"{program.name}: " + ", ".join(f"{name} {value}" for name, value in line.items()))
        return news

    def _remember(self, order: dict[str, str]) -> None:
        # A line that was answered out of stock is not kept: of such an order the service may know nothing.
        self.orders_taken += 1
        if order.get("state") != "LINE_STATE_OUT_OF_STOCK":
            self.order_ids.add(order["order_id"])

    def figures(self) -> dict[str, dict[str, object]]:
        """Answer each program's latest figures."""
        return {program.name: process.figures for program, process in self.programs}

    def problems(self, flow: Flow) -> list[str]:
        """Say what does not agree, now."""
        found = disagreements(self.figures(), units_promised(self.grpc_target, flow.skus))
        return found + [
            f"{order_id} was taken and is not known" for order_id in unknown_orders(self.grpc_target, self.order_ids)
        ]

    def __enter__(self) -> Self:
        self._stack.enter_context(self.broker)
        wait_for_port(self.broker, self._ports[0])
        self._stack.enter_context(self.service)
        wait_for_port(self.service, self._ports[1])
        for _, process in self.programs:
            self._stack.enter_context(process)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
