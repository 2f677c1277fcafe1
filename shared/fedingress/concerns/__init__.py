"""Observe, decide, act, report: one module a concern."""
