"""The parts that a GKE cluster plays: endpoint groups of pods, instance groups of nodes."""
