"""Strict twins of the adapters, in memory, for the tests of concerns and for dry runs."""
