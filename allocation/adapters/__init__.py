"""The outside world behind the service layer's ports: databases, broker, processes, files."""
