"""What can go wrong between us and the broker, in the ports' words; nothing here retries."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import nats.errors

from allocation.service_layer.streams import BrokerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAM_NOT_FOUND = 10059
STREAM_NAME_IN_USE = 10058
SUBJECTS_OVERLAP = 10065
CONSUMER_NOT_FOUND = 10014
MESSAGE_NOT_FOUND = 10037
CONSUMER_NAME_IN_USE = 10148
ATOMIC_PUBLISH_DISABLED = 10174
BATCH_TOO_LARGE = 10199
BATCH_HAS_DUPLICATE = 10201


class BrokerTooOldError(BrokerUnavailableError):
    """The broker answers, but its version has known ways of losing messages."""


class RefusedError(BrokerUnavailableError):
    """JetStream answered with an error; `code` is its own error number, 0 if it gave none."""

    def __init__(self, action: str, code: int, description: str) -> None:
        super().__init__(f"{action} was refused: {description} (JetStream error {code})")
        self.code = code


@contextmanager
def broker_errors(action: str) -> Iterator[None]:
    """Turn every error of nats-py and of the network into a BrokerUnavailableError that names the action."""
    try:
        yield
    except BrokerUnavailableError:
        raise
    except nats.errors.NoRespondersError as error:
        raise BrokerUnavailableError(f"{action}: nobody answers for it") from error
    except (nats.errors.Error, OSError) as error:
        raise BrokerUnavailableError(f"{action}: {str(error) or type(error).__name__}") from error
