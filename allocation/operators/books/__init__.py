"""The books of a snapshot laid over each other. Nothing is read here: rows come from the reader, disagreements go out."""
