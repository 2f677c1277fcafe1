output "watcher_bus" {
  description = "FEDINGRESS_BUS of each cluster's watcher."
  value       = "pubsub:${var.project}/${google_pubsub_topic.bus["changes"].name}"
}

output "repair_url" {
  description = "Where operators call repair, with an identity token."
  value       = google_cloudfunctions2_function.door["repair"].service_config[0].uri
}

output "identities" {
  description = "Service account of each function: to be let into members by their RBAC (fanout, repair), and into AWS."
  value       = { for door, account in google_service_account.door : door => account.email }
}

output "dead_letters" {
  description = "The subscription that keeps what no function took."
  value       = google_pubsub_subscription.dead_letters.name
}
