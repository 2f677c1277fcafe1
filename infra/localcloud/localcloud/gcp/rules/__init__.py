"""What Compute Engine refuses beyond schemas and references, one module per collection."""
