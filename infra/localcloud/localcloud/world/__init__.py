"""A whole world: clusters, clouds and data plane, put together and wired."""
