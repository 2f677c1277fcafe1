"""The function `fanout`."""
