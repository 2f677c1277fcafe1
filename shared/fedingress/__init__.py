"""Federated Ingress: one Ingress, submitted once, served by every chosen member cluster."""
