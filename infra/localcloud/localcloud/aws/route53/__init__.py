"""Route 53: hosted zones, record sets with routing policies, health checks."""
