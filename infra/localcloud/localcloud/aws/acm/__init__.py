"""AWS Certificate Manager: certificates that load balancers show."""
