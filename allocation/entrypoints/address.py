"""Whether an address can be listened on: asked before gRPC asks, which would complain on standard error in words of its own."""

import socket


class AddressInUseError(Exception):
    """Nothing can listen there."""


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there yet, and it is an address of this machine."""
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except OSError:
        return False
    return True
