"""The operators' tools."""
