# Federated Ingress on Google Cloud: the functions, their bus, their state, their clock. README.md explains it.
terraform {
  required_version = ">= 1.9"

  required_providers {
    archive = {
      source  = "hashicorp/archive"
      version = "~> 2.7"
    }
    google = {
      source  = "hashicorp/google"
      version = ">= 6.20, < 8"
    }
  }

  backend "gcs" {} # terraform init -backend-config="bucket=NAME"
}

provider "google" {
  project = var.project
  region  = var.region
}

data "google_project" "here" {
  project_id = var.project
}
