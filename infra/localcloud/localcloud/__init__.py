"""A multi-cloud lab in one process, on loopback addresses only."""
