"""The function `tick`."""
