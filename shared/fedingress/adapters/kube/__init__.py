"""Kubernetes API servers, through the official client."""
