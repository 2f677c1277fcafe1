"""The data plane of a world: echo pods, HAProxy in front of them, a DNS server; all on loopback."""
