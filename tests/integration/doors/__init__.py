"""The doors in process, over the store in memory and brokers made by hand, so that every failure comes when it is wanted."""
