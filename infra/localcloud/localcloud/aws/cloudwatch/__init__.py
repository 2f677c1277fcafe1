"""CloudWatch: metrics of what the local cloud itself runs, read in bulk."""
