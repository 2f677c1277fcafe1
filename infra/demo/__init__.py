"""`make demo`: the main job, seen on the local cloud. Nothing of the product depends on it."""
