"""The function `status`."""
