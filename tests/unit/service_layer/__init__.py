"""Handlers, bus and group commit, over the store in memory or fakes made by hand."""
