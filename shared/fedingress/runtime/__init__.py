"""What carries a concern: settings, events, queue, wiring."""
