"""Seeing changes in clusters: list-and-watch, and which concerns a change is for."""
