"""The example that replays real order lines, tried with made-up ones."""
