"""The doors: one folder, one concern, deployed on its own."""
