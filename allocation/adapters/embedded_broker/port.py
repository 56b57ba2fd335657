"""What can be learned at the broker's port: whether it is free, and who answers there."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import json
import socket
from contextlib import suppress

from allocation.adapters.startup_error import StartupError

ANSWER_WITHIN_SECONDS = 2.0


def port_in_use(port: int) -> StartupError:
    """Make the error for a port that somebody else listens on."""
    return StartupError(f"port {port} is in use by another program; stop it, or set ALLOCATION_NATS_PORT")


def check_address(host: str, port: int) -> None:
    """Make sure that a server could listen there now, without listening.

    Raises:
        StartupError: it could not, or the address can be reached from other machines: the broker asks nobody who he is.

    """
    try:
        is_loopback = ipaddress.IPv4Address(host).is_loopback
    except ipaddress.AddressValueError:
        is_loopback = False
    if not is_loopback:
        raise StartupError(f"the embedded broker listens on loopback addresses such as 127.0.0.1 alone, not on {host}")
    with socket.socket() as probe:
        # As the server does it: connections of an earlier server that linger in TIME_WAIT are in nobody's way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise port_in_use(port) from error
            raise StartupError(
                f"the embedded broker cannot listen on {host}:{port}: {error.strerror}; set ALLOCATION_NATS_PORT",
            ) from error


async def answers(host: str, port: int, server_name: str) -> bool:
    """Whether the server of this name, and no other, answers there with JetStream enabled."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
            greeting = await _greeting(host, port)
        verb, _, body = greeting.partition(b" ")
        information = json.loads(body)
    except (OSError, TimeoutError, ValueError):
        return False
    return (
        verb == b"INFO"
        and isinstance(information, dict)
        and information.get("server_name") == server_name
        and information.get("jetstream") is True
    )


async def _greeting(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        return await reader.readline()
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
