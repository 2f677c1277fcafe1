"""The verbs: pure decisions from desired and observed."""
