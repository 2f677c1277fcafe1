"""Stores that need no cloud: memory and SQLite."""
