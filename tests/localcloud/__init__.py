"""Tests of federated-ingress."""
