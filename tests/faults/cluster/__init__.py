"""Faults of a cluster of three brokers, of disks, of clocks, of backlogs and of upgrades, done to the real service."""
