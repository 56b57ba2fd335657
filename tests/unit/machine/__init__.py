"""Random histories, compared with a naive model that was written apart."""
