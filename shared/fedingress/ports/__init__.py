"""What the concerns need from the world, as small protocols."""
