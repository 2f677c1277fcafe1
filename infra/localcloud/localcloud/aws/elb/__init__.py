"""Elastic Load Balancing: what the controllers of EKS clusters make, as ELBv2 tells of it."""
