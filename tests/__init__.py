"""Everything that proves the service does what it says."""
