"""Stories about Google Cloud's refusals: the functions over the wire of the lab."""
