"""The function `backends`."""
