resource "google_service_account" "door" {
  for_each     = local.doors
  project      = var.project
  account_id   = "${var.name}-${each.key}"
  display_name = "Federated Ingress: the function ${each.key}"
  depends_on   = [google_project_service.needed]
}

# Whose tokens the calls of doors carry.
resource "google_service_account" "push" {
  for_each     = toset(["pusher", "scheduler"])
  project      = var.project
  account_id   = "${var.name}-${each.key}"
  display_name = "Federated Ingress: the ${each.key}, which calls functions"
  depends_on   = [google_project_service.needed]
}

resource "google_service_account" "builder" {
  project      = var.project
  account_id   = "${var.name}-builder"
  display_name = "Federated Ingress: builds the functions' images"
  depends_on   = [google_project_service.needed]
}

resource "google_service_account_iam_member" "pusher_token" {
  service_account_id = google_service_account.push["pusher"].name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.pubsub_agent
}

# State
resource "google_project_iam_custom_role" "state" {
  project     = var.project
  role_id     = replace("${var.name}_state", "-", "_")
  title       = "Federated Ingress: state"
  description = "Documents of the state, and nothing about the database."
  permissions = local.permissions.state
}

resource "google_project_iam_member" "state" {
  for_each = local.doors
  project  = var.project
  role     = google_project_iam_custom_role.state.id
  member   = "serviceAccount:${google_service_account.door[each.key].email}"

  condition {
    title      = "Its own database"
    expression = "resource.name == \"projects/${var.project}/databases/${google_firestore_database.state.name}\""
  }
}

# Clouds
resource "google_project_iam_custom_role" "concern" {
  for_each    = local.roles
  project     = each.value.project
  role_id     = replace("${var.name}_${each.value.concern}", "-", "_")
  title       = "Federated Ingress: ${each.value.concern}"
  description = "What ${each.value.concern} calls, and nothing else."
  permissions = local.permissions[each.value.concern]
}

resource "google_project_iam_member" "concern" {
  for_each = local.grants
  project  = each.value.project
  role     = google_project_iam_custom_role.concern[each.value.role].id
  member   = "serviceAccount:${google_service_account.door[each.value.door].email}"
}

# Secrets
resource "google_secret_manager_secret_iam_member" "config_cluster" {
  for_each  = local.doors
  secret_id = var.config_cluster_secret
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${google_service_account.door[each.key].email}"
}

resource "google_secret_manager_secret_iam_member" "members" {
  for_each  = local.secret_readers
  secret_id = each.value.secret
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${google_service_account.door[each.value.door].email}"
}

# Who may call which door
locals {
  callers = merge(
    { for concern in local.concerns : concern => toset(["serviceAccount:${google_service_account.push["pusher"].email}"]) },
    { tick = toset(["serviceAccount:${google_service_account.push["scheduler"].email}"]), repair = var.operators },
  )
}

resource "google_cloud_run_v2_service_iam_binding" "callers" {
  for_each = toset([for door in local.doors : door if door != "repair" || length(var.operators) > 0])
  project  = var.project
  location = var.region
  name     = google_cloudfunctions2_function.door[each.key].name
  role     = "roles/run.invoker"
  members  = local.callers[each.key]
}

# Builds
resource "google_project_iam_member" "builder" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = "serviceAccount:${google_service_account.builder.email}"
}

resource "google_storage_bucket_iam_member" "builder" {
  bucket = google_storage_bucket.sources.name
  role   = "roles/storage.objectViewer"
  member = "serviceAccount:${google_service_account.builder.email}"
}

resource "google_artifact_registry_repository_iam_member" "builder" {
  project    = var.project
  location   = var.region
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = "serviceAccount:${google_service_account.builder.email}"
}
