"""Which work follows from a change, and what counts as one."""

import copy

import pytest

from fedingress.domain import names
from fedingress.domain.ingress import IngressKey
from fedingress.domain.work import Work
from fedingress.watcher.relevance import digest, stub
from fedingress.watcher.routes import ConfigRoutes, MemberRoutes, ServiceUsers, services

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


def a_class(name="federated", *, ours=True, policy="main", default=False) -> dict:
    parameters = {"apiGroup": "fedingress.dev", "kind": "FederationPolicy", "name": policy}
    meta: dict = {"name": name}
    if default:
        meta["annotations"] = {"ingressclass.kubernetes.io/is-default-class": "true"}
    spec = {"controller": names.CONTROLLER if ours else "k8s.io/nginx", "parameters": parameters}
    return {"kind": "IngressClass", "metadata": meta, "spec": spec}


def of_class(name_of_class, **more) -> dict:
    found = ingress(**more)
    found["spec"]["ingressClassName"] = name_of_class
    return found


def named(kind, name) -> dict:
    return {"kind": kind, "metadata": {"name": name}}


@pytest.fixture
def config():
    routes = ConfigRoutes()
    assert routes.works("IngressClass", "ADDED", a_class()) == []
    assert routes.works("IngressClass", "ADDED", a_class("nginx", ours=False)) == []
    return routes


def secured(*secrets, **more) -> dict:
    found = of_class("federated", **more)
    found["spec"]["tls"] = [{"secretName": name} for name in secrets]
    return found


def secret(name="web-tls", version="1") -> dict:
    """As the API server gives it to who asks for metadata only."""
    meta = {"namespace": "shop", "name": name, "uid": "t-1", "resourceVersion": version}
    return {"kind": "PartialObjectMetadata", "metadata": meta}


@pytest.mark.parametrize("change", ["ADDED", "MODIFIED", "DELETED"])
def test_a_secret_concerns_the_ingresses_that_show_its_certificate(config, change):
    """Of the same namespace, and of a class of ours; the cause asks for a thorough look."""
    config.works("Ingress", "ADDED", secured("api-tls", "web-tls"))
    config.works("Ingress", "ADDED", secured("api-tls", name="second"))
    theirs = secured("web-tls", name="third")
    theirs["spec"]["ingressClassName"] = "nginx"
    config.works("Ingress", "ADDED", theirs)
    elsewhere = secret()
    elsewhere["metadata"]["namespace"] = "other"
    (work,) = config.works("Secret", change, secret())

    assert work == fanout(SHOP, "secret.changed")
    assert work.thorough
    assert config.works("Secret", change, elsewhere) == []
    assert config.works("Secret", change, secret("nobodys")) == []


def test_a_secret_is_known_by_its_version_alone():
    """Nothing of it is kept but a hash; every other version is a change."""
    assert digest(secret()) == digest(secret())
    assert digest(secret()) != digest(secret(version="2"))
    assert "data" not in stub(secret())


def test_faults_in_tls_name_no_secret(config):
    """What is no list of entries leads nowhere."""
    broken = of_class("federated")
    broken["spec"]["tls"] = [None, {"secretName": 7}]
    config.works("Ingress", "ADDED", broken)

    assert config.works("Secret", "MODIFIED", secret()) == []


@pytest.mark.parametrize(
    ("change", "word"), [("ADDED", "seen"), ("MODIFIED", "changed"), ("DELETED", "deleted")]
)
def test_an_ingress_concerns_itself(config, change, word):
    """A source's change leads to its own fan-out."""
    works = config.works("Ingress", change, of_class("federated"))

    assert works == [fanout(SHOP, f"ingress.{word}")]


def test_the_ingresses_of_others_concern_nobody(config):
    """Neither seen, nor changed, nor deleted does one of another class lead anywhere."""
    for change in ("ADDED", "MODIFIED", "DELETED"):
        assert config.works("Ingress", change, of_class("nginx")) == []


def test_one_that_left_us_is_looked_at_again(config):
    """Its class was ours and is another's; after a restart it is known by its finalizers."""
    config.works("Ingress", "ADDED", of_class("federated"))
    assert config.works("Ingress", "MODIFIED", of_class("nginx")) == [
        fanout(SHOP, "ingress.changed")
    ]
    assert config.works("Ingress", "MODIFIED", of_class("nginx")) == []

    kept = of_class("nginx", name="left", finalizers=[names.FINALIZERS["dns"]])
    key = IngressKey(namespace="shop", name="left")
    assert config.works("Ingress", "ADDED", kept) == [fanout(key, "ingress.seen")]


def test_what_a_checkpoint_has_is_learnt_and_not_told(config):
    """An Ingress that is as it was leads nowhere, and still follows from its policy."""
    assert config.works("Ingress", "KEPT", of_class("federated")) == []
    policy = named("FederationPolicy", "main")
    assert config.works("FederationPolicy", "KEPT", policy) == []

    assert config.works("FederationPolicy", "MODIFIED", policy) == [fanout(SHOP, "policy.changed")]


def test_a_policy_concerns_the_ingresses_of_its_classes(config):
    """Those of another policy, and those of other controllers, are left alone."""
    config.works("IngressClass", "ADDED", a_class("other", policy="other"))
    config.works("Ingress", "ADDED", of_class("federated"))
    config.works("Ingress", "ADDED", of_class("other", name="second"))
    config.works("Ingress", "ADDED", of_class("nginx", name="third"))

    assert config.works("FederationPolicy", "MODIFIED", named("FederationPolicy", "main")) == [
        fanout(SHOP, "policy.changed")
    ]


def test_a_member_concerns_every_source(config):
    """All federated Ingresses, each once and sorted."""
    config.works("Ingress", "ADDED", of_class("federated"))
    config.works("Ingress", "ADDED", of_class("federated", name="another"))
    config.works("Ingress", "ADDED", of_class("nginx", name="third"))
    another = IngressKey(namespace="shop", name="another")

    works = config.works("ClusterProfile", "DELETED", named("ClusterProfile", "gke-us"))
    assert works == [fanout(another, "member.deleted"), fanout(SHOP, "member.deleted")]


def test_a_class_that_comes_late_or_goes_concerns_its_ingresses():
    """An Ingress that was seen before its class is looked at with it, default or named."""
    routes = ConfigRoutes()
    assert routes.works("Ingress", "ADDED", of_class("federated")) == []
    assert routes.works("Ingress", "ADDED", ingress(name="plain")) == []
    assert routes.works("IngressClass", "ADDED", a_class()) == [fanout(SHOP, "class.seen")]
    plain = IngressKey(namespace="shop", name="plain")
    default = a_class("default", default=True)
    assert routes.works("IngressClass", "ADDED", default) == [fanout(plain, "class.seen")]

    assert routes.works("IngressClass", "MODIFIED", a_class("default", ours=False)) == [
        fanout(plain, "class.changed")
    ]
    assert routes.works("IngressClass", "DELETED", a_class()) == [fanout(SHOP, "class.deleted")]
    assert routes.works("IngressClass", "MODIFIED", a_class("nginx", ours=False)) == []


def test_a_finished_list_means_nothing_by_itself(config):
    """SYNCED and foreign kinds lead nowhere."""
    member = MemberRoutes("lab")
    assert config.works("Ingress", "SYNCED", None) == []
    assert config.works("ConfigMap", "ADDED", named("ConfigMap", "x")) == []
    assert member.works("Service", "SYNCED", None) == []
    assert member.works("Pod", "ADDED", named("Pod", "x")) == []


def ours(manifest, source="shop/shop", owner="lab", **annotations) -> dict:
    meta = manifest["metadata"]
    meta["labels"] = {names.OWNER_UID: "u", names.OWNER: owner}
    meta["annotations"] = {names.SOURCE: source, **annotations}
    return manifest


@pytest.mark.parametrize("make", [ingress, service])
def test_our_objects_in_members_lead_to_their_source(make):
    """Drift, deletion and the controller's news on a copy or companion reach its fan-out."""
    manifest = ours(make(name="any"), "blog/blog")
    kind = manifest["kind"]

    assert MemberRoutes("lab").works(kind, "DELETED", stub(manifest)) == [
        fanout(BLOG, f"member-{kind.lower()}.deleted")
    ]
    assert MemberRoutes("lab").works(kind, "KEPT", manifest) == []
    assert MemberRoutes("another").works(kind, "MODIFIED", manifest) == []


@pytest.mark.parametrize("text", ["", "nonsense", "a/b/c", "/x"])
def test_a_spoilt_annotation_leads_nowhere(text):
    """Somebody edited our annotation: no work, and no crash; the resync finds the drift."""
    assert MemberRoutes("lab").works("Service", "MODIFIED", ours(service(), text)) == []


@pytest.mark.parametrize(
    "teach",
    [
        ours(ingress(), "shop/shop"),
        ours(service(name="web-fed-1"), "shop/shop", **{names.SERVICE: "web"}),
    ],
    ids=["copy", "companion"],
)
@pytest.mark.parametrize("change", ["ADDED", "KEPT"])
def test_a_member_learns_which_services_matter(teach, change):
    """A copy names the user's Services, a companion notes its own; both forget it when they go."""
    routes = MemberRoutes("lab")
    assert routes.works("Service", "MODIFIED", service()) == []
    routes.works(teach["kind"], change, teach)
    found = routes.works("Service", "MODIFIED", service())
    assert found == [fanout(SHOP, "service.changed")]
    assert routes.works("Service", "KEPT", service()) == []
    assert routes.works("Service", "MODIFIED", service(name="other")) == []

    routes.works(teach["kind"], "DELETED", stub(teach))
    assert routes.works("Service", "MODIFIED", service()) == []


def test_an_ingress_of_a_user_in_a_member_teaches_nothing():
    """Only copies of ours say which Services matter."""
    routes = MemberRoutes("lab")
    assert routes.works("Ingress", "ADDED", ingress()) == []
    assert routes.works("Service", "MODIFIED", service()) == []


def test_a_users_service_leads_to_the_sources_that_name_it():
    """Only sources of its namespace that name it look again; what is told twice counts once."""
    users = ServiceUsers()
    users.learn("Ingress", "ADDED", ingress())
    users.learn("Ingress", "MODIFIED", ingress())
    users.learn("Ingress", "ADDED", ingress(name="second", service="api"))
    users.learn("Service", "ADDED", service())
    users.learn("Ingress", "SYNCED", None)
    routes = MemberRoutes("lab", users.users_of)

    assert routes.works("Service", "MODIFIED", service()) == [fanout(SHOP, "service.changed")]
    assert routes.works("Service", "MODIFIED", service(namespace="blog")) == []

    users.learn("Ingress", "DELETED", stub(ingress()))
    assert routes.works("Service", "MODIFIED", service()) == []


@pytest.mark.parametrize(
    "spec",
    [
        None,
        {"rules": None},
        {"rules": [None, {"http": None}, {"http": {"paths": [None, {"backend": {"service": 7}}]}}]},
        {"defaultBackend": {"service": {"name": 7}}},
    ],
)
def test_odd_specs_name_nothing(spec):
    """What somebody has bent is no Service, and no crash."""
    assert services({"kind": "Ingress", "metadata": {}, "spec": spec}) == frozenset()


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


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("ingress.kubernetes.io/backends", False),
        ("ingress.kubernetes.io/url-map", False),
        ("ingress.gcp.kubernetes.io/instance-groups", True),
        ("ingress.kubernetes.io/ssl-redirect", True),
    ],
)
def test_reports_of_a_controller_on_a_copy(name, changes):
    """Its names of cloud resources are none on a copy; on a source everything is a user's."""
    noted = changed(ingress(), "metadata", "annotations", name, value="x")
    assert digest(noted) != digest(ingress())
    copied = ingress(labels={names.OWNER_UID: "u"})
    noted = changed(copied, "metadata", "annotations", name, value="x")
    assert (digest(noted) != digest(copied)) is changes


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


def endpoints(*ready: bool, service_name: str = "web") -> dict:
    """An EndpointSlice with one endpoint for each of *ready*."""
    manifest = named("EndpointSlice", "web-x1")
    manifest["metadata"] |= {"namespace": "shop", "uid": "e-1"}
    manifest["metadata"]["labels"] = {names.SERVICE_NAME: service_name} if service_name else {}
    manifest["endpoints"] = [{"conditions": {"ready": each}} for each in ready]
    return manifest


def answering(class_name: str) -> dict:
    """A copy of ours, of that class."""
    copy = ours(ingress())
    copy["spec"] = {**copy["spec"], "ingressClassName": class_name}
    return copy


def test_endpoints_matter_where_the_members_own_load_balancer_answers():
    """A copy of a class that nobody serves is served by a global one, which looks by itself."""
    routes = MemberRoutes("lab")
    routes.works("Ingress", "ADDED", answering(names.MEMBER_CLASS))
    assert routes.works("EndpointSlice", "MODIFIED", endpoints(True)) == []

    routes.works("Ingress", "MODIFIED", answering("alb"))
    news = [fanout(SHOP, "endpoints.changed")]
    assert routes.works("EndpointSlice", "MODIFIED", endpoints(True)) == news
    assert routes.works("EndpointSlice", "DELETED", stub(endpoints(True))) == news
    assert routes.works("EndpointSlice", "KEPT", endpoints(True)) == []
    assert routes.works("EndpointSlice", "ADDED", endpoints(True, service_name="")) == []
    assert routes.works("EndpointSlice", "ADDED", endpoints(True, service_name="x")) == []

    routes.works("Ingress", "DELETED", stub(answering("alb")))
    assert routes.works("EndpointSlice", "MODIFIED", endpoints(True)) == []


@pytest.mark.parametrize(
    ("before", "after", "news"),
    [
        ((0, 1), (1, 1), True),
        ((1, 1), (0, 1), True),
        ((2, 3), (3, 3), True),
        ((50, 50), (49, 50), False),
        ((50, 50), (40, 50), True),
        ((100, 100), (100, 130), True),
    ],
)
def test_one_pod_of_many_is_no_news(before, after, news):
    """None or some, and steps of some ten per cent, are; each pod of a large Service is not."""
    one, other = (
        digest(endpoints(*(number < ready for number in range(wanted))))
        for ready, wanted in (before, after)
    )
    assert (one != other) is news
