"""What allocating means, and nothing else: the standard library is all that is imported here."""
