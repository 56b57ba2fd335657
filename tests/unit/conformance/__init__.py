"""The runner of the conformance checks itself."""
