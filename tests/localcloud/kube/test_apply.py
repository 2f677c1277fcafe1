"""Conformance: server-side apply, ownership, and the other way round, strategic merge patches."""

import pytest

from tests.localcloud.kube.manifests import config_map, config_maps, ingress, ingresses, service
from tests.localcloud.kube.manifests import services as services_path
from tests.localcloud.kube.wire import APPLY, STRATEGIC, Api

pytestmark = pytest.mark.wire


def test_apply_creates_and_says_so(api: Api, namespace: str):
    """The first apply is a 201, owned by its manager with the operation Apply."""
    reply = api.apply(ingresses(namespace, "a"), ingress("a"), "fed")
    assert reply.status == 201
    (entry,) = reply.json["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("fed", "Apply")
    assert entry["fieldsV1"] == {"f:spec": {"f:rules": {}}}


def test_applying_the_same_again_changes_nothing(api: Api, namespace: str):
    """The second apply is a 200 under the same resourceVersion."""
    first = api.apply(ingresses(namespace, "a"), ingress("a"), "fed")
    again = api.apply(ingresses(namespace, "a"), ingress("a"), "fed")
    assert again.status == 200
    assert again.json["metadata"] == first.json["metadata"]


def test_another_managers_value_is_a_conflict_that_names_both(api: Api, namespace: str):
    """The 409 says who owns which field, in causes and in words."""
    api.apply(ingresses(namespace, "a"), ingress("a", labels={"tier": "web"}), "fed")
    other = ingress("a", labels={"tier": "db"})
    reply = api.apply(ingresses(namespace, "a"), other, "bob")
    assert (reply.status, reply.reason) == (409, "Conflict")
    assert reply.json["details"]["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "fed"',
            "field": ".metadata.labels.tier",
        }
    ]
    assert "Apply failed with 1 conflict" in reply.json["message"]


def test_several_conflicts_are_listed_by_manager(api: Api, namespace: str):
    """Every field of every other manager is a cause of its own."""
    api.apply(ingresses(namespace, "a"), ingress("a", labels={"x": "1"}), "ann")
    api.merge(ingresses(namespace, "a"), {"metadata": {"labels": {"y": "1"}}}, fieldManager="bob")
    reply = api.apply(ingresses(namespace, "a"), ingress("a", labels={"x": "2", "y": "2"}), "eve")
    assert [c["field"] for c in reply.json["details"]["causes"]] == [
        ".metadata.labels.x",
        ".metadata.labels.y",
    ]
    assert reply.json["message"].startswith("Apply failed with 2 conflicts: ")


def test_the_same_value_is_shared(api: Api, namespace: str):
    """Two managers that apply one value both own it; it stays until both let go."""
    path = ingresses(namespace, "a")
    api.apply(path, ingress("a", labels={"x": "1"}), "ann")
    assert api.apply(path, ingress("a", labels={"x": "1"}), "bob").status == 200
    left = api.apply(path, ingress("a"), "ann").json
    assert left["metadata"]["labels"] == {"x": "1"}
    gone = api.apply(path, ingress("a"), "bob").json
    assert "labels" not in gone["metadata"]


def test_force_takes_the_field_over(api: Api, namespace: str):
    """With force the value is mine, and the other manager owns it no more."""
    path = ingresses(namespace, "a")
    api.apply(path, ingress("a", labels={"x": "1"}), "ann")
    forced = api.apply(path, ingress("a", labels={"x": "2"}), "bob", force=True)
    assert (forced.status, forced.json["metadata"]["labels"]) == (200, {"x": "2"})
    owners = {m["manager"]: m["fieldsV1"] for m in forced.json["metadata"]["managedFields"]}
    assert "f:metadata" not in owners["ann"]
    assert owners["bob"]["f:metadata"] == {"f:labels": {"f:x": {}}}


def test_a_field_left_out_is_removed(api: Api, namespace: str):
    """What a manager applied before and no longer names goes away."""
    path = ingresses(namespace, "a")
    body = ingress("a", labels={"x": "1", "y": "1"}, ingressClassName="c")
    api.apply(path, body, "ann")
    left = api.apply(path, ingress("a", labels={"y": "1"}), "ann").json
    assert left["metadata"]["labels"] == {"y": "1"}
    assert "ingressClassName" not in left["spec"]


def test_a_field_of_nobody_stays(api: Api, namespace: str):
    """Apply leaves alone what others wrote and it does not name."""
    path = ingresses(namespace, "a")
    api.apply(path, ingress("a"), "ann")
    api.merge(path, {"metadata": {"annotations": {"note": "x"}}}, fieldManager="bob")
    after = api.apply(path, ingress("a"), "ann").json
    assert after["metadata"]["annotations"] == {"note": "x"}


def test_yaml_bodies(api: Api, namespace: str):
    """An apply patch may be YAML; dates stay strings, and keys become strings."""
    text = """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: a}
        data: {since: 2024-01-01, 8080: "yes"}
    """
    reply = api.apply(config_maps(namespace, "a"), text)
    assert (reply.status, reply.json["data"]) == (201, {"since": "2024-01-01", "8080": "yes"})


def test_a_manager_must_be_named(api: Api, namespace: str):
    """An apply patch without fieldManager is refused."""
    path = ingresses(namespace, "a")
    assert api.send("PATCH", path, ingress("a"), kind=APPLY).status in (400, 422)


def test_managed_fields_may_not_be_applied(api: Api, namespace: str):
    """Sending back what was read, ownership and all, is a bad request."""
    body = api.apply(ingresses(namespace, "a"), ingress("a")).json
    assert api.apply(ingresses(namespace, "a"), body).status == 400


def test_a_version_in_the_body_is_a_precondition(api: Api, namespace: str):
    """A stale version is a conflict, and a version for what is absent too."""
    path = ingresses(namespace, "a")
    body = ingress("a")
    body["metadata"]["resourceVersion"] = "1"
    assert api.apply(path, body).status == 409
    made = api.apply(path, ingress("a")).json
    assert api.apply(path, body).status == 409
    body["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]
    assert api.apply(path, body).status == 200


def test_a_dry_run_applies_nothing(api: Api, namespace: str):
    """The answer shows the merge, the store does not."""
    path = ingresses(namespace, "a")
    assert api.apply(path, ingress("a"), dryRun="All").status == 201
    assert api.get(path).status == 404
    api.apply(path, ingress("a"))
    shown = api.apply(path, ingress("a", labels={"x": "1"}), dryRun="All").json
    assert shown["metadata"]["labels"] == {"x": "1"}
    assert "labels" not in api.get(path).json["metadata"]


def test_the_status_is_applied_at_its_own_endpoint(api: Api, namespace: str):
    """A manager's status and spec are owned apart, and neither removes the other."""
    path = ingresses(namespace, "a")
    api.apply(path, ingress("a"), "fed")
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    body = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "a"}}
    reply = api.apply(ingresses(namespace, "a", "status"), {**body, "status": status}, "fed")
    assert (reply.status, reply.json["status"]) == (200, status)
    assert reply.json["spec"] == ingress("a")["spec"]
    assert {m.get("subresource") for m in reply.json["metadata"]["managedFields"]} == {
        None,
        "status",
    }
    after = api.apply(path, ingress("a", labels={"x": "1"}), "fed").json
    assert after["status"] == status


def test_the_status_of_an_absent_object_is_not_applied(api: Api, namespace: str):
    """Status endpoints create nothing."""
    body = {**ingress("a"), "status": {"loadBalancer": {}}}
    assert api.apply(ingresses(namespace, "a", "status"), body).status == 404


def test_an_undeclared_field_is_refused(api: Api, namespace: str):
    """Apply knows the types: a typing error is told with its path."""
    reply = api.apply(ingresses(namespace, "a"), ingress("a", bogus=1))
    assert reply.status == 500
    assert ".spec.bogus: field not declared in schema" in reply.json["message"]


def test_service_ports_are_owned_one_by_one(api: Api, namespace: str):
    """Ports are an associative list by port and protocol: two managers bring one each."""
    path = services_path(namespace, "a")
    api.apply(path, service("a", {"name": "http", "port": 80}), "ann")
    both = api.apply(path, service("a", {"name": "dns", "port": 53, "protocol": "UDP"}), "bob")
    assert [p["port"] for p in both.json["spec"]["ports"]] == [80, 53]
    only = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}
    left = api.apply(path, only, "ann").json
    assert [p["port"] for p in left["spec"]["ports"]] == [53]
    (entry,) = (m for m in left["metadata"]["managedFields"] if m["manager"] == "bob")
    keys = entry["fieldsV1"]["f:spec"]["f:ports"]
    assert list(keys) == ['k:{"port":53,"protocol":"UDP"}']


def test_an_item_that_another_still_describes_stays(api: Api, namespace: str):
    """A port whose first owner leaves lives on, key and all, for who set its name."""
    path = services_path(namespace, "a")
    api.apply(path, service("a", {"port": 80, "targetPort": 8080}), "ann")
    api.apply(path, service("a", {"port": 80, "name": "http"}), "bob")
    only = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}
    left = api.apply(path, only, "ann").json["spec"]["ports"]
    assert [(p["port"], p["name"], p["targetPort"]) for p in left] == [(80, "http", 80)]


def test_ingress_rules_are_owned_as_a_whole(api: Api, namespace: str):
    """Rules are an atomic list: a second manager's rules are a conflict, not an addition."""
    path = ingresses(namespace, "a")
    api.apply(path, ingress("a"), "ann")
    other = ingress("a", rules=[{"host": "b.example.com"}])
    reply = api.apply(path, other, "bob")
    assert [c["field"] for c in reply.json["details"]["causes"]] == [".spec.rules"]


def test_finalizers_are_a_set(api: Api, namespace: str):
    """Each manager owns its own finalizer and takes only that one away."""
    path = config_maps(namespace, "a")
    api.apply(path, config_map("a", finalizers=["x.dev/a"]), "ann")
    both = api.apply(path, config_map("a", finalizers=["x.dev/b"]), "bob").json
    assert both["metadata"]["finalizers"] == ["x.dev/a", "x.dev/b"]
    left = api.apply(path, config_map("a"), "ann").json
    assert left["metadata"]["finalizers"] == ["x.dev/b"]
    api.apply(path, config_map("a"), "bob")


def test_a_selector_is_atomic(api: Api, namespace: str):
    """A Service's selector is replaced whole, as its map type says."""
    path = services_path(namespace, "a")
    api.apply(path, service("a", selector={"app": "x", "tier": "y"}), "ann")
    after = api.apply(path, service("a", selector={"app": "z"}), "ann").json
    assert after["spec"]["selector"] == {"app": "z"}


def test_an_update_takes_the_changed_fields(api: Api, namespace: str):
    """Who patches a field owns it from then on, and the applier meets a conflict."""
    path = ingresses(namespace, "a")
    api.apply(path, ingress("a", labels={"x": "1"}), "ann")
    api.merge(path, {"metadata": {"labels": {"x": "2"}}}, fieldManager="bob")
    reply = api.apply(path, ingress("a", labels={"x": "1"}), "ann")
    assert reply.status == 409
    message = reply.json["details"]["causes"][0]["message"]
    assert message.startswith('conflict with "bob" using networking.k8s.io/v1')


def test_strategic_merge_of_service_ports(api: Api, namespace: str):
    """What client-side kubectl apply sends: merge by port, delete one, keep the order."""
    ports = [{"name": "a", "port": 80}, {"name": "b", "port": 81}]
    api.post(services_path(namespace), service("a", *ports))
    patch = {
        "spec": {
            "$setElementOrder/ports": [{"port": 82}, {"port": 80}],
            "ports": [
                {"port": 80, "targetPort": 8080},
                {"name": "c", "port": 82},
                {"port": 81, "$patch": "delete"},
            ],
        }
    }
    path = services_path(namespace, "a")
    reply = api.send("PATCH", path, patch, kind=STRATEGIC)
    assert [(p["name"], p["port"], p["targetPort"]) for p in reply.json["spec"]["ports"]] == [
        ("c", 82, 82),
        ("a", 80, 8080),
    ]


def test_strategic_merge_of_containers_and_strategy(api: Api, namespace: str):
    """Containers merge by name; $retainKeys drops what another strategy left."""
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    labels = {"app": "a"}
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": n, "image": f"{n}:1"} for n in ("x", "y")]},
            },
        },
    }
    assert api.post(path, body).status == 201
    patch = {
        "spec": {
            "strategy": {"$retainKeys": ["type"], "type": "Recreate"},
            "template": {"spec": {"containers": [{"name": "y", "image": "y:2"}]}},
        }
    }
    after = api.send("PATCH", f"{path}/a", patch, kind=STRATEGIC).json
    assert after["spec"]["strategy"] == {"type": "Recreate"}
    containers = after["spec"]["template"]["spec"]["containers"]
    assert [c["image"] for c in containers] == ["x:1", "y:2"]


def test_strategic_merge_of_finalizers(api: Api, namespace: str):
    """Plain lists merge, and take members away by $deleteFromPrimitiveList."""
    body = config_map("a", finalizers=["x.dev/a", "x.dev/b"])
    api.post(config_maps(namespace), body)
    path = config_maps(namespace, "a")
    patch = {
        "metadata": {
            "$deleteFromPrimitiveList/finalizers": ["x.dev/a"],
            "finalizers": ["x.dev/c"],
        }
    }
    after = api.send("PATCH", path, patch, kind=STRATEGIC).json
    assert after["metadata"]["finalizers"] == ["x.dev/b", "x.dev/c"]
    api.merge(path, {"metadata": {"finalizers": None}})


def test_strategic_merge_without_its_key_is_refused(api: Api, namespace: str):
    """An item that names no port cannot be merged."""
    api.post(services_path(namespace), service("a"))
    patch = {"spec": {"ports": [{"name": "x"}]}}
    path = services_path(namespace, "a")
    assert api.send("PATCH", path, patch, kind=STRATEGIC).status in (400, 500)
