# Copy this, fill it in, and name your copy in cloudbuild.yaml (_VARIABLES). Nothing secret belongs here.
owner                 = "shop"
config_cluster_secret = "projects/shop-prod/secrets/config-cluster"

# Members on GKE, and where their load balancer, firewall and zones are.
load_balancer_projects = ["shop-prod"]
dns_projects           = ["shop-dns"]
member_projects        = ["shop-prod"]

# The watcher of each cluster, by Workload Identity of its service account.
watchers = [
  "principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/shop-prod.svc.id.goog/subject/ns/fedingress/sa/fedingress-watcher",
]

operators = ["group:platform@example.com"]
