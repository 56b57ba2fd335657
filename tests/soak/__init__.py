"""A long run under moderate load with small faults, watched for what grows: `make soak`."""
