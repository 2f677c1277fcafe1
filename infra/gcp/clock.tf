resource "google_cloud_scheduler_job" "tick" {
  project          = var.project
  region           = var.region
  name             = "${var.name}-tick"
  description      = "Federated Ingress: publishes what is due"
  schedule         = "* * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "${local.function_seconds}s"

  retry_config {
    retry_count = 0 # the next one is a minute away
  }

  http_target {
    http_method = "POST"
    uri         = google_cloudfunctions2_function.door["tick"].service_config[0].uri

    oidc_token {
      service_account_email = google_service_account.push["scheduler"].email
      audience              = google_cloudfunctions2_function.door["tick"].service_config[0].uri
    }
  }

  depends_on = [google_cloud_run_v2_service_iam_binding.callers]
}
