"""The examples' own logic, without servers."""
