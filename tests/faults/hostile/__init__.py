"""Bad input and overload: what no well-behaved client sends, and more of the rest than the service can carry."""
