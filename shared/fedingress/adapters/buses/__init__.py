"""Buses: in one process, and over the messaging services of two clouds."""
