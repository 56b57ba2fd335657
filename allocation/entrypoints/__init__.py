"""The doors: each translates between the outside and commands, and none knows another."""
