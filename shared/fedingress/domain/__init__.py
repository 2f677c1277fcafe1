"""The nouns: stdlib only, frozen, no I/O."""
