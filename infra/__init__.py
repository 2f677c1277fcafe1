"""What is deployed beside the functions, the local cloud and the demo."""
