# Each is built from its staged folder; one whose bytes are those of last time is not deployed again.
data "archive_file" "staged" {
  for_each         = local.doors
  type             = "zip"
  source_dir       = "${path.module}/${var.staged}/${each.key}"
  output_path      = "${path.module}/.terraform/staged/${each.key}.zip"
  output_file_mode = "0644" # whoever built it, the same bytes
}

resource "google_storage_bucket" "sources" {
  project                     = var.project
  name                        = "${var.project}-${var.name}-sources"
  location                    = var.region
  force_destroy               = true
  public_access_prevention    = "enforced"
  uniform_bucket_level_access = true
  depends_on                  = [google_project_service.needed]
}

resource "google_storage_bucket_object" "staged" {
  for_each = local.doors
  bucket   = google_storage_bucket.sources.name
  name     = "${each.key}/${data.archive_file.staged[each.key].output_sha256}.zip"
  source   = data.archive_file.staged[each.key].output_path
}

resource "google_artifact_registry_repository" "images" {
  project       = var.project
  location      = var.region
  repository_id = var.name
  format        = "DOCKER"
  description   = "Images of the functions of Federated Ingress"
  depends_on    = [google_project_service.needed]
}

resource "google_cloudfunctions2_function" "door" {
  for_each    = local.doors
  project     = var.project
  location    = var.region
  name        = "${var.name}-${each.key}"
  description = "Federated Ingress: ${each.key}"

  build_config {
    runtime           = "python313"
    entry_point       = "on_push"
    docker_repository = google_artifact_registry_repository.images.id
    service_account   = google_service_account.builder.name

    source {
      storage_source {
        bucket = google_storage_bucket.sources.name
        object = google_storage_bucket_object.staged[each.key].name
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.door[each.key].email
    available_memory                 = local.memory[each.key]
    available_cpu                    = "1"
    timeout_seconds                  = local.function_seconds
    max_instance_count               = var.max_instances
    max_instance_request_concurrency = 8 # the threads that serve it
    ingress_settings                 = local.ingress[each.key]
    all_traffic_on_latest_revision   = true
    environment_variables            = merge(local.settings[each.key], { THREADS = "8" })

    secret_volumes {
      mount_path = local.mount
      project_id = split("/", var.config_cluster_secret)[1]
      secret     = split("/", var.config_cluster_secret)[3]

      versions {
        version = "latest"
        path    = "kubeconfig"
      }
    }
  }

  depends_on = [
    google_artifact_registry_repository_iam_member.builder,
    google_project_iam_member.builder,
    google_secret_manager_secret_iam_member.config_cluster,
    google_storage_bucket_iam_member.builder,
  ]
}
