"""What runs in a cluster: Deployments make Pods, Pods run echo servers, Services find them."""
