"""The concerns and the doors, told as stories on in-memory ports."""
