"""A stand-in for Amazon's services: Route 53 and what its answers depend on."""
