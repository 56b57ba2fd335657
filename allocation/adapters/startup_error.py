"""The error that ends a start with one line for the operator; what to do about it is part of that line."""


class StartupError(Exception):
    """Why the service cannot start, in one line that says what to do."""
