# One document for each unit and kind. Losing it costs time only, so nothing is backed up.
resource "google_firestore_database" "state" {
  project                 = var.project
  name                    = local.database
  location_id             = var.region
  type                    = "FIRESTORE_NATIVE"
  delete_protection_state = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy         = var.deletion_protection ? "ABANDON" : "DELETE"
  depends_on              = [google_project_service.needed]
}

# Fields are indexed by themselves, which is what lists and `due_at` need; these are asked for by nobody.
resource "google_firestore_field" "unindexed" {
  for_each = {
    for field in jsondecode(file("${path.module}/firestore.indexes.json")).fieldOverrides :
    "${field.collectionGroup}/${field.fieldPath}" => field
  }

  project    = var.project
  database   = google_firestore_database.state.name
  collection = each.value.collectionGroup
  field      = each.value.fieldPath

  index_config {}
}
