"""Ingress controllers that run as pods of a cluster, behind a Service of type LoadBalancer."""
