"""What the ports to the store promise, over every store; and what is promised of SQLite alone."""
