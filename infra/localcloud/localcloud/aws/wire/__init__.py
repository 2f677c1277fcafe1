"""The protocols that Amazon's clients speak, driven by the service models that botocore brings."""
