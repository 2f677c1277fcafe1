"""Global Accelerator: accelerators, listeners and endpoint groups."""
