"""`allocation doctor`: looks at all that the service depends on, and says of what is wrong what to do about it."""
