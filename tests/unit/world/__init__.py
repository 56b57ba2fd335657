"""What the world concludes from the figures of its programs."""
