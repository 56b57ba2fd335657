"""What ends a replay with one line on standard error."""


class ReplayError(Exception):
    """Why the replay cannot begin or go on, in one line that says what to do."""
