"""The part that a GKE cluster plays: pods behind annotated Services become endpoints of NEGs."""
