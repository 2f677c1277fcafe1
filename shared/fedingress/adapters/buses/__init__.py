"""Buses that need no cloud: one process, one thread pool."""
