"""What is proved in milliseconds: no broker, no disk, no network."""
