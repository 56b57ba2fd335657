"""The checks of two instances, against services that run."""
