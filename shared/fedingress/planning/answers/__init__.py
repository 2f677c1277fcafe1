"""What a hosted zone answers: pools, trees, weights, and the units they are written in."""
