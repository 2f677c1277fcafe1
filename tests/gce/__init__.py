"""Stories about Google Cloud's refusals: the functions' world, with load balancing over the wire."""
