"""The parts of the doors that need no network."""
