"""Which work follows from a change, and what counts as one."""

import copy

import pytest

from fedingress.domain import names
from fedingress.domain.ingress import IngressKey
from fedingress.domain.work import Work
from fedingress.watcher.relevance import digest
from fedingress.watcher.routes import ServiceUsers, config_works, member_works

SHOP = IngressKey(namespace="shop", name="shop")
BLOG = IngressKey(namespace="blog", name="blog")


def ingress(name="shop", service="web", **meta) -> dict:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"namespace": "shop", "name": name, "uid": "u-1", **meta},
        "spec": {"rules": [{"host": "shop.example.com", "http": {"paths": paths}}]},
    }


def service(name="web", **meta) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": "shop", "name": name, "uid": "s-1", **meta},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}], "clusterIP": "10.0.0.1"},
    }


def fanout(key: IngressKey, cause: str) -> Work:
    return Work(concern="fanout", unit=str(key), cause=cause)


def nobody() -> list[IngressKey]:
    raise AssertionError("not asked for one Ingress")


@pytest.mark.parametrize(
    ("change", "word"), [("ADDED", "seen"), ("MODIFIED", "changed"), ("DELETED", "deleted")]
)
def test_an_ingress_concerns_itself(change, word):
    """A source's change leads to its own fan-out, without listing the others."""
    works = config_works("Ingress", change, ingress(), all_sources=nobody)

    assert works == [fanout(SHOP, f"ingress.{word}")]


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("FederationPolicy", "policy.changed"),
        ("IngressClass", "class.changed"),
        ("ClusterProfile", "member.changed"),
    ],
)
def test_what_all_follow_from_concerns_all(kind, cause):
    """Policies, classes and members lead to every source, each once and sorted."""
    manifest = {"kind": kind, "metadata": {"name": "x"}}
    works = config_works(kind, "MODIFIED", manifest, all_sources=lambda: [SHOP, BLOG, SHOP])

    assert works == [fanout(BLOG, cause), fanout(SHOP, cause)]


def test_a_finished_list_means_nothing_by_itself():
    """SYNCED and foreign kinds lead nowhere."""
    assert config_works("Ingress", "SYNCED", None, all_sources=nobody) == []
    assert config_works("Secret", "ADDED", {"metadata": {"name": "x"}}, all_sources=nobody) == []
    assert member_works("Service", "SYNCED", None) == []
    assert member_works("Pod", "ADDED", {"metadata": {"name": "x"}}) == []


@pytest.mark.parametrize("make", [ingress, service])
def test_our_objects_in_members_lead_to_their_source(make):
    """Drift, deletion and the controller's news on a copy or companion reach its fan-out."""
    manifest = make(
        name="any", labels={names.OWNER_UID: "u"}, annotations={names.SOURCE: "blog/blog"}
    )
    kind = manifest["kind"]

    assert member_works(kind, "DELETED", manifest) == [
        fanout(BLOG, f"member-{kind.lower()}.deleted")
    ]


@pytest.mark.parametrize("text", ["", "nonsense", "a/b/c", "/x"])
def test_a_spoilt_annotation_leads_nowhere(text):
    """Somebody edited our annotation: no work, and no crash; the resync finds the drift."""
    manifest = service(labels={names.OWNER_UID: "u"}, annotations={names.SOURCE: text})

    assert member_works("Service", "MODIFIED", manifest) == []


def test_a_users_service_leads_to_the_sources_that_name_it():
    """Only sources of its namespace that name it look again; other Ingresses of users never do."""
    users = ServiceUsers()
    users.learn("Ingress", "ADDED", ingress())
    users.learn("Ingress", "ADDED", ingress(name="second", service="api"))
    users.learn("Service", "ADDED", service())
    users.learn("Ingress", "SYNCED", None)

    found = member_works("Service", "MODIFIED", service(), users_of=users.users_of)
    assert found == [fanout(SHOP, "service.changed")]
    elsewhere = service(namespace="blog")
    assert member_works("Service", "MODIFIED", elsewhere, users_of=users.users_of) == []
    assert member_works("Ingress", "MODIFIED", ingress(), users_of=users.users_of) == []
    assert member_works("Service", "MODIFIED", service()) == []

    users.learn("Ingress", "DELETED", ingress())
    assert member_works("Service", "MODIFIED", service(), users_of=users.users_of) == []


def changed(manifest: dict, *path: str, value: object) -> dict:
    edited = copy.deepcopy(manifest)
    place = edited
    for word in path[:-1]:
        place = place.setdefault(word, {})
    place[path[-1]] = value
    return edited


@pytest.mark.parametrize(
    "path",
    [
        ("metadata", "resourceVersion"),
        ("metadata", "managedFields"),
        ("metadata", "finalizers"),
        ("metadata", "generation"),
        ("metadata", "annotations", names.CONDITIONS),
        ("metadata", "annotations", names.TABLE),
        ("metadata", "annotations", names.FOOTPRINT),
        ("status", "loadBalancer"),
    ],
)
def test_noise_of_a_source_is_no_change(path):
    """What we or the API server write on a source leaves the digest alone."""
    assert digest(changed(ingress(), *path, value={"ingress": [1]})) == digest(ingress())


@pytest.mark.parametrize(
    "path",
    [
        ("metadata", "uid"),
        ("metadata", "deletionTimestamp"),
        ("metadata", "labels", "team"),
        ("metadata", "annotations", names.CLUSTERS),
        ("spec", "ingressClassName"),
    ],
)
def test_what_a_user_writes_is_a_change(path):
    """Spec, labels, our input annotations and the deletion change the digest."""
    assert digest(changed(ingress(), *path, value="x")) != digest(ingress())


def test_the_address_of_a_copy_is_a_change():
    """In a member, the controller's address on our copy matters."""
    copied = ingress(labels={names.OWNER_UID: "u"})
    addressed = changed(copied, "status", "loadBalancer", value={"ingress": [{"ip": "127.0.0.9"}]})

    assert digest(addressed) != digest(copied)


def test_neg_status_is_a_change_and_heartbeats_are_not():
    """A companion's endpoint groups matter; a profile's timestamps and a Service's IP do not."""
    noted = service(annotations={names.NEG_STATUS: "{}"})
    assert digest(noted) != digest(service())
    assert digest(changed(service(), "spec", "clusterIP", value="10.0.0.9")) == digest(service())

    condition = {"type": "ControlPlaneHealthy", "status": "True", "lastTransitionTime": "1"}
    profile = {
        "kind": "ClusterProfile",
        "metadata": {"name": "gke-us"},
        "spec": {},
        "status": {"conditions": [condition], "version": {"kubernetes": "1.35"}},
    }
    later = copy.deepcopy(profile)
    later["status"]["conditions"][0]["lastTransitionTime"] = "2"
    assert digest(later) == digest(profile)
    later["status"]["conditions"][0]["status"] = "False"
    assert digest(later) != digest(profile)
