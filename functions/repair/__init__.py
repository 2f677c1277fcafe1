"""The function `repair`."""
