"""The data folder and the broker in it, with real servers and real deaths."""
