variable "project" {
  description = "Id of the project in which the functions run."
  type        = string
}

variable "region" {
  description = "Region of the functions, the scheduler and the state."
  type        = string
}

variable "name" {
  description = "Begins the name of everything here."
  type        = string
  default     = "fedingress"

  validation {
    condition     = can(regex("^[a-z][-a-z0-9]{2,14}[a-z0-9]$", var.name))
    error_message = "The name has 4 to 16 lower-case letters, digits and dashes, and begins with a letter: names of service accounts end at 30."
  }
}

variable "owner" {
  description = "Names this installation in every ownership mark; never change it."
  type        = string
  default     = "default"

  validation {
    condition     = can(regex("^[A-Za-z0-9]([-A-Za-z0-9]{0,38}[A-Za-z0-9])?$", var.owner))
    error_message = "The owner has up to 40 letters, digits and, between them, dashes."
  }
}

variable "config_cluster_secret" {
  description = "The secret, projects/PROJECT/secrets/NAME, whose latest version is the kubeconfig of the config cluster."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/secrets/[A-Za-z0-9_-]{1,255}$", var.config_cluster_secret))
    error_message = "It is projects/PROJECT/secrets/NAME, without a version."
  }
}

variable "inventory_namespace" {
  description = "Namespace of the ClusterProfiles in the config cluster."
  type        = string
  default     = "fedingress-inventory"
}

variable "load_balancer_projects" {
  description = "Projects in which global load balancers are built; those of the members on GKE. Empty: this one."
  type        = set(string)
  default     = []
}

variable "dns_projects" {
  description = "Projects with the managed zones. Empty: this one."
  type        = set(string)
  default     = []
}

variable "member_projects" {
  description = "Projects of members on GKE that are reached by Google's credentials. Empty: this one."
  type        = set(string)
  default     = []
}

variable "member_secrets" {
  description = "Secrets, projects/PROJECT/secrets/NAME, with tokens of members."
  type        = set(string)
  default     = []
}

variable "aws_role" {
  description = "ARN of the role of AWS that is taken on for members on EKS, Route 53 and load balancers there; empty without such."
  type        = string
  default     = ""
}

variable "aws_roles" {
  description = "Roles that aws_role assumes for hosted zones of other accounts of AWS, as ACCOUNT=ROLE_ARN[#EXTERNAL_ID] with commas between; empty without such."
  type        = string
  default     = ""
}

variable "watchers" {
  description = "Who may publish changes: the identity of each cluster's watcher, as serviceAccount:... or principal://..."
  type        = set(string)
  default     = []
}

variable "operators" {
  description = "Who may call repair, as user:..., group:... or serviceAccount:..."
  type        = set(string)
  default     = []
}

variable "notification_channels" {
  description = "Monitoring's channels that hear of alerts."
  type        = list(string)
  default     = []
}

variable "log_level" {
  description = "DEBUG, INFO, WARNING or ERROR."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "It is DEBUG, INFO, WARNING or ERROR."
  }
}

variable "max_instances" {
  description = "Of each function."
  type        = number
  default     = 20
}

variable "staged" {
  description = "The folder with the staged functions, as `make stage` writes it."
  type        = string
  default     = "../../build/gcp"
}

variable "deletion_protection" {
  description = "Whether the database with the state is kept when everything else is destroyed. Losing it costs time only."
  type        = bool
  default     = false
}
