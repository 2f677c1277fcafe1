"""The fedingress command line."""
