# Metrics from the one line of each invocation and refusal (docs/observability.md), and two alerts.
locals {
  lines = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=~\"^${var.name}-\""
}

resource "google_logging_metric" "invocations" {
  project = var.project
  name    = "${var.name}/invocations"
  filter  = "${local.lines} AND jsonPayload.concern:* AND jsonPayload.outcome:*"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    labels {
      key = "concern"
    }
    labels {
      key = "outcome"
    }
  }

  label_extractors = {
    concern = "EXTRACT(jsonPayload.concern)"
    outcome = "EXTRACT(jsonPayload.outcome)"
  }

  depends_on = [google_project_service.needed]
}

resource "google_logging_metric" "refusals" {
  project = var.project
  name    = "${var.name}/refusals"
  filter  = "${local.lines} AND jsonPayload.outcome=\"refused-event\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    labels {
      key = "door"
    }
    labels {
      key = "reason"
    }
  }

  label_extractors = {
    door   = "EXTRACT(jsonPayload.door)"
    reason = "EXTRACT(jsonPayload.reason)"
  }

  depends_on = [google_project_service.needed]
}

resource "google_logging_metric" "milliseconds" {
  project         = var.project
  name            = "${var.name}/milliseconds"
  filter          = "${local.lines} AND jsonPayload.milliseconds:*"
  value_extractor = "EXTRACT(jsonPayload.milliseconds)"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = "ms"

    labels {
      key = "concern"
    }
  }

  label_extractors = {
    concern = "EXTRACT(jsonPayload.concern)"
  }

  bucket_options {
    exponential_buckets {
      num_finite_buckets = 20
      growth_factor      = 2
      scale              = 1
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_alert_policy" "dead_letters" {
  project               = var.project
  display_name          = "Federated Ingress: dead letters"
  combiner              = "OR"
  notification_channels = var.notification_channels

  conditions {
    display_name = "A message could not be taken"

    condition_threshold {
      filter          = "resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"${google_pubsub_subscription.dead_letters.name}\" AND metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    content = "The messages say why in their attributes CloudPubSubDeadLetterSource*: `gcloud pubsub subscriptions pull ${google_pubsub_subscription.dead_letters.name}`. The functions go on: what is due stands in the state."
  }
}

resource "google_monitoring_alert_policy" "tick" {
  project               = var.project
  display_name          = "Federated Ingress: the clock stands still"
  combiner              = "OR"
  notification_channels = var.notification_channels

  conditions {
    display_name = "No tick for ten minutes"

    condition_absent {
      filter   = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.invocations.name}\" AND metric.labels.concern=\"tick\""
      duration = "600s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_COUNT"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content = "Traffic goes on; what waits for its time does not come back. Look at the scheduler's job ${google_cloud_scheduler_job.tick.name} and the log of the function tick."
  }
}
