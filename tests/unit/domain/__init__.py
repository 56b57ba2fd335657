"""The rules of the business, on the model alone."""
