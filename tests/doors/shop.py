"""The example shop in a world of the local cloud, by the kinds of its objects."""

from pathlib import Path

import yaml

from localcloud.world.spec import members_from

SHOP = Path(__file__).parents[2] / "examples" / "shop"
GKE = members_from("gke-us,gke-eu")
INGRESSES = "ingresses.networking.k8s.io"
PLATFORM = ("IngressClass", "FederationPolicy")
WORKLOAD = ("Namespace", "Service", "Deployment")
HOSTS = ["shop.example.com", "api.example.com"]


def documents(*kinds):
    """Every object of the example of these kinds, in their order."""
    files = sorted(SHOP.glob("*.yaml"))
    found = [each for file in files for each in yaml.safe_load_all(file.read_text("utf-8"))]
    assert found
    return [each for kind in kinds for each in found if each["kind"] == kind]


def ingress(**meta):
    """The shop's Ingress."""
    (manifest,) = documents("Ingress")
    return manifest | {"metadata": manifest["metadata"] | meta}


def another(name, host):
    """An Ingress of the same shop under another name, with one host."""
    manifest = ingress(name=name)
    rule = manifest["spec"]["rules"][0] | {"host": host}
    return manifest | {"spec": manifest["spec"] | {"rules": [rule]}}


def put(world, cluster, *manifests):
    """Write objects as a user of the cluster."""
    for manifest in manifests:
        world.run(lambda w, m=manifest: w.cluster(cluster).kube.put(m, manager="user"))


def workloads(world):
    """The shop's own objects, in every member."""
    for member in GKE:
        put(world, member.name, *documents(*WORKLOAD))


def copies(world, name="shop"):
    """The hosts of the Ingress's copy in each member that has one."""
    found = {}
    for member in GKE:
        copy = world.clusters[member.name].get(INGRESSES, "shop", name)
        if copy:
            found[member.name] = [rule.get("host") for rule in copy["spec"]["rules"]]
    return found
