"""Amazon Web Services behind the ports."""
