"""The function `dns`."""
