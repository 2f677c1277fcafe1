# What can be said without asking anybody; no resource is named here, so that tests can evaluate it.
#
#   clusters' watchers -> topic changes -> fanout              only hints that something changed there
#   functions          -> topic work    -> a push to each      by the attribute `concern`
#   scheduler          -> tick, operators -> repair            calls over HTTP
#
# Each number of seconds is longer than the one that it encloses: a call (13) < a run's lease < the function < the
# acknowledgement of its message.
locals {
  concerns = toset(["fanout", "backends", "dns", "status"])
  doors    = toset(concat(tolist(local.concerns), ["tick", "repair"]))

  lease_seconds    = 60
  function_seconds = 300
  ack_seconds      = 600

  topics = {
    changes      = "${var.name}-changes"
    work         = "${var.name}-work"
    dead_letters = "${var.name}-dead-letters"
  }
  # The push subscriptions: topic, function, and what of the topic it is for.
  deliveries = merge(
    {
      for concern in local.concerns : "${var.name}-work-${concern}" => {
        topic  = local.topics.work
        door   = concern
        filter = "attributes.concern = \"${concern}\""
      }
    },
    {
      "${var.name}-changes" = {
        topic  = local.topics.changes
        door   = "fanout"
        filter = null # what asks for more than fan-out is refused and counted by the door
      }
    },
  )
  subscriptions = {
    for name in keys(local.deliveries) : name => "projects/${var.project}/subscriptions/${name}"
  }

  email     = { for each in concat(tolist(local.doors), ["pusher", "scheduler"]) : each => "${var.name}-${each}@${var.project}.iam.gserviceaccount.com" }
  mount     = "/etc/fedingress"
  database  = "${var.name}-state"
  to_member = toset(["fanout", "repair"])
  to_amazon = toset(["backends", "dns", "fanout", "repair"])
  to_zones  = toset(["dns", "repair"])

  # The client of Compute Engine alone is 147 MB.
  memory  = merge({ for door in local.doors : door => "512Mi" }, { backends = "1Gi", repair = "1Gi" })
  ingress = merge({ for door in local.doors : door => "ALLOW_INTERNAL_ONLY" }, { repair = "ALLOW_ALL" })

  # Cloud Run lets in whom IAM names, verifies the token and takes its signature off; the door then looks at its claims.
  caller = merge(
    { for concern in local.concerns : concern => local.email.pusher },
    { tick = local.email.scheduler, repair = "" }, # for repair IAM alone decides: it may name groups
  )
  settings = {
    for door in local.doors : door => {
      for name, value in {
        FEDINGRESS_OWNER               = var.owner
        FEDINGRESS_KUBECONFIG          = "${local.mount}/kubeconfig"
        FEDINGRESS_INVENTORY_NAMESPACE = var.inventory_namespace
        FEDINGRESS_STORE               = "firestore:${var.project}/${local.database}"
        FEDINGRESS_BUS                 = "pubsub:${var.project}/${local.topics.work}"
        FEDINGRESS_WORK                = contains(local.concerns, door) ? local.subscriptions["${var.name}-work-${door}"] : ""
        FEDINGRESS_CHANGES             = door == "fanout" ? local.subscriptions["${var.name}-changes"] : ""
        FEDINGRESS_TOKENS              = "platform"
        FEDINGRESS_CALLERS             = local.caller[door]
        FEDINGRESS_AWS_ROLE            = contains(local.to_amazon, door) ? var.aws_role : ""
        FEDINGRESS_AWS_ROLES           = contains(local.to_zones, door) ? var.aws_roles : ""
        FEDINGRESS_LEASE_SECONDS       = tostring(local.lease_seconds)
        FEDINGRESS_LOG_LEVEL           = var.log_level
      } : name => value if value != ""
    }
  }

  # What is granted in which projects; the rights themselves stand in permissions.json, also for tests.
  permissions = jsondecode(file("${path.module}/permissions.json"))
  projects = {
    backends = length(var.load_balancer_projects) > 0 ? var.load_balancer_projects : toset([var.project])
    dns      = length(var.dns_projects) > 0 ? var.dns_projects : toset([var.project])
    fanout   = length(var.member_projects) > 0 ? var.member_projects : toset([var.project])
  }
  # One custom role for each concern in each of its projects, for the concern's function and for repair.
  roles = merge([
    for concern, projects in local.projects : {
      for project in projects : "${concern}/${project}" => { concern = concern, project = project }
    }
  ]...)
  grants = merge([
    for key, role in local.roles : {
      for door in [role.concern, "repair"] : "${key}/${door}" => { role = key, project = role.project, door = door }
    }
  ]...)
  secret_readers = merge([
    for secret in var.member_secrets : {
      for door in local.to_member : "${secret}/${door}" => { secret = secret, door = door }
    }
  ]...)
}
