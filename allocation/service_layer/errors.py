"""Why a command was not carried out, when it is no rejection: the service itself could not, or would not."""

from __future__ import annotations


class QueueFullError(Exception):
    """Too many commands wait; nothing was done."""

    def __init__(self, waiting_max: int) -> None:
        super().__init__(f"{waiting_max} commands are waiting, which is the limit")
        self.waiting_max = waiting_max


class ShuttingDownError(Exception):
    """The service takes no more commands; nothing was done."""

    def __init__(self) -> None:
        super().__init__("the service is shutting down")


class CrashedError(Exception):
    """The command met a bug in the service and changed nothing; the log has it whole."""
