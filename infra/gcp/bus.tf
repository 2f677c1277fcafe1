resource "google_pubsub_topic" "bus" {
  for_each   = local.topics
  project    = var.project
  name       = each.value
  depends_on = [google_project_service.needed]
}

resource "google_pubsub_subscription" "push" {
  for_each = local.deliveries

  project              = var.project
  name                 = each.key
  topic                = each.value.topic
  filter               = each.value.filter
  ack_deadline_seconds = local.ack_seconds

  push_config {
    push_endpoint = google_cloudfunctions2_function.door[each.value.door].service_config[0].uri

    oidc_token {
      service_account_email = local.email.pusher
      audience              = google_cloudfunctions2_function.door[each.value.door].service_config[0].uri
    }
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.bus["dead_letters"].id
    max_delivery_attempts = 10
  }

  expiration_policy {
    ttl = "" # never, however quiet it is
  }

  depends_on = [google_pubsub_topic.bus, google_service_account.push]
}

# Kept for people to look at. Losing one is harmless: what is due stands in the state, and the tick finds it.
resource "google_pubsub_subscription" "dead_letters" {
  project                    = var.project
  name                       = local.topics.dead_letters
  topic                      = google_pubsub_topic.bus["dead_letters"].id
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }
}

# Only the functions publish work, only the watchers changes; a grant to the whole project would let others in as well.
resource "google_pubsub_topic_iam_binding" "work" {
  project = var.project
  topic   = google_pubsub_topic.bus["work"].name
  role    = "roles/pubsub.publisher"
  members = [for door in local.doors : "serviceAccount:${google_service_account.door[door].email}"]
}

resource "google_pubsub_topic_iam_binding" "changes" {
  count   = length(var.watchers) > 0 ? 1 : 0
  project = var.project
  topic   = google_pubsub_topic.bus["changes"].name
  role    = "roles/pubsub.publisher"
  members = var.watchers
}

resource "google_pubsub_topic_iam_binding" "dead_letters" {
  project = var.project
  topic   = google_pubsub_topic.bus["dead_letters"].name
  role    = "roles/pubsub.publisher"
  members = [local.pubsub_agent]
}

# To forward a dead letter Pub/Sub acknowledges it where it came from.
resource "google_pubsub_subscription_iam_member" "forwarded" {
  for_each     = local.deliveries
  project      = var.project
  subscription = google_pubsub_subscription.push[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
