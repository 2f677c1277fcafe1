"""Google Cloud: the global load balancer and Cloud DNS. Importing this imports no Google client."""
