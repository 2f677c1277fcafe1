from fedingress.adapters.directory import load
from fedingress.domain.ingress import ServiceBackend
from fedingress.domain.placement import Selector
from fedingress.planning.companions import find_port
from fedingress.planning.decode import answer, source
from tests.infra.kubernetes.evaluation import ROOT, causes, crd_schema

SHOP = ROOT / "examples" / "shop"


def manifests(file):
    loaded = load((SHOP / file).read_text(encoding="utf-8"), file)
    assert loaded.faults == ()
    return [document.manifest for document in loaded.documents]


def test_the_shop_decodes():
    """One Ingress of two hosts, with exact and prefix paths."""
    (manifest,) = manifests("shop.yaml")
    found = source(manifest)
    assert found.faults == ()
    assert str(found.key) == "shop/shop"
    assert found.ingress.hosts == ("shop.example.com", "api.example.com")
    types = {each.path_type for each in found.ingress.rules[0].paths}
    assert types == {"Exact", "Prefix"}
    assert found.ingress.backends == (
        ServiceBackend(service="api", port_name="http"),
        ServiceBackend(service="web", number=80),
    )


def test_the_shop_is_under_its_policy():
    """Class and policy lead to the trial's zone and times, and the CRD takes the policy."""
    ingress_class, policy = manifests("platform.yaml")
    (manifest,) = manifests("shop.yaml")
    found = answer(manifest, [ingress_class], {policy["metadata"]["name"]: policy})
    assert (found.federated, found.faults) == (True, ())
    assert found.policy.placement.selector == Selector()
    assert [zone.unit for zone in found.policy.dns.zones] == ["cloud-dns:lab/example-com"]
    assert found.policy.dns.ttl_seconds + found.policy.deletion.drain_seconds < 5
    assert causes(policy, crd_schema("federationpolicies.yaml")) == []


def test_the_shop_over_tls_is_under_its_policy():
    """Its Secret is named, HTTP is redirected, and the CRD takes the policy."""
    folder = SHOP.parent / "tls"
    loaded = [
        document.manifest
        for file in ("platform.yaml", "shop.yaml")
        for document in load((folder / file).read_text(encoding="utf-8"), file).documents
    ]
    ingress_class, policy, manifest = loaded
    found = answer(manifest, [ingress_class], {policy["metadata"]["name"]: policy})
    assert (found.federated, found.faults) == (True, ())
    assert (found.policy.tls.redirect, found.policy.tls.minimum_version) == (True, "1.2")
    assert [entry.secret for entry in source(manifest).ingress.tls] == ["secure-tls"]
    assert causes(policy, crd_schema("federationpolicies.yaml")) == []


def test_members_run_what_the_shop_names():
    """Each Service port of the Ingress is in the members' manifests, and selects their pods."""
    (manifest,) = manifests("shop.yaml")
    members = manifests("members.yaml")
    services = {each["metadata"]["name"]: each for each in members if each["kind"] == "Service"}
    pods = [each["spec"]["template"] for each in members if each["kind"] == "Deployment"]
    for backend in source(manifest).ingress.backends:
        service = services[backend.service]
        assert find_port(service, backend)
        selector = service["spec"]["selector"].items()
        assert [pod for pod in pods if selector <= pod["metadata"]["labels"].items()]
