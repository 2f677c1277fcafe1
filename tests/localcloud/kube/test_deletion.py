"""Conformance: finalizers, preconditions, dependents, and the end of namespaces."""

from typing import Any

import pytest

from tests.localcloud.kube.manifests import config_map, config_maps, ingress, ingresses
from tests.localcloud.kube.wire import Api, wait_for

pytestmark = pytest.mark.wire


def _owned(name: str, owner: dict[str, Any], **more: Any) -> dict[str, Any]:
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        **more,
    }
    return config_map(name, ownerReferences=[reference])


def _gone(api: Api, path: str) -> Any:
    return wait_for(lambda: api.get(path).status == 404)


def test_a_delete_says_what_it_deleted(api: Api, namespace: str):
    """The answer is a Success with the uid of what is gone."""
    made = api.post(ingresses(namespace), ingress("a")).json
    reply = api.delete(ingresses(namespace, "a"))
    assert (reply.status, reply.json["status"]) == (200, "Success")
    assert reply.json["details"]["uid"] == made["metadata"]["uid"]


def test_a_finalizer_holds_the_object(api: Api, namespace: str):
    """It stays with a deletionTimestamp until the last finalizer leaves."""
    path = config_maps(namespace, "a")
    api.post(config_maps(namespace), config_map("a", finalizers=["x.dev/a", "x.dev/b"]))
    held = api.delete(path)
    assert held.status == 200
    stamped = api.get(path).json["metadata"]
    assert stamped["deletionTimestamp"]
    again = api.delete(path)
    assert again.status == 200
    assert api.get(path).json["metadata"]["resourceVersion"] == stamped["resourceVersion"]
    api.merge(path, {"metadata": {"finalizers": ["x.dev/b"]}})
    assert api.get(path).status == 200
    api.merge(path, {"metadata": {"finalizers": None}})
    assert api.get(path).status == 404


def test_a_deletion_cannot_be_taken_back(api: Api, namespace: str):
    """No finalizer is added to, and no timestamp removed from, what is being deleted."""
    path = config_maps(namespace, "a")
    api.post(config_maps(namespace), config_map("a", finalizers=["x.dev/a"]))
    api.delete(path)
    late = api.merge(path, {"metadata": {"finalizers": ["x.dev/a", "x.dev/late"]}})
    assert (late.status, late.reason) == (422, "Invalid")
    api.merge(path, {"metadata": {"deletionTimestamp": None}})
    assert api.get(path).json["metadata"]["deletionTimestamp"]
    api.merge(path, {"metadata": {"finalizers": None}})


def test_the_watch_sees_the_wait_and_the_end(api: Api, namespace: str):
    """A deletion with finalizers is MODIFIED first, DELETED last."""
    path = config_maps(namespace)
    made = api.post(path, config_map("a", finalizers=["x.dev/a"])).json
    with api.watch(path, resourceVersion=made["metadata"]["resourceVersion"]) as stream:
        api.delete(f"{path}/a")
        api.merge(f"{path}/a", {"metadata": {"finalizers": None}})
        stream.until(lambda s: "DELETED" in s.types("a"))
    assert stream.types("a") == ["MODIFIED", "DELETED"]


def test_preconditions(api: Api, namespace: str):
    """A delete that names another uid or version is a conflict, and nothing goes."""
    path = config_maps(namespace, "a")
    made = api.post(config_maps(namespace), config_map("a")).json["metadata"]
    for wrong in ({"uid": "00000000-0000-0000-0000-000000000000"}, {"resourceVersion": "1"}):
        reply = api.delete(path, {"preconditions": wrong})
        assert (reply.status, reply.reason) == (409, "Conflict")
    right = {"uid": made["uid"], "resourceVersion": made["resourceVersion"]}
    assert api.delete(path, {"preconditions": right}).status == 200


def test_a_dry_run_deletes_nothing(api: Api, namespace: str):
    """The object is still there, without a timestamp."""
    path = config_maps(namespace, "a")
    api.post(config_maps(namespace), config_map("a"))
    assert api.delete(path, dryRun="All").status == 200
    assert "deletionTimestamp" not in api.get(path).json["metadata"]


def test_dependents_follow_their_owner(api: Api, namespace: str):
    """What is owned goes, through several generations."""
    owner = api.post(config_maps(namespace), config_map("owner")).json
    child = api.post(config_maps(namespace), _owned("child", owner)).json
    api.post(config_maps(namespace), _owned("grandchild", child))
    api.delete(config_maps(namespace, "owner"), {"propagationPolicy": "Background"})
    _gone(api, config_maps(namespace, "child"))
    _gone(api, config_maps(namespace, "grandchild"))


def test_a_second_owner_keeps_the_dependent(api: Api, namespace: str):
    """Only the last owner takes its dependents along."""
    one = api.post(config_maps(namespace), config_map("one")).json
    two = api.post(config_maps(namespace), config_map("two")).json
    child = _owned("child", one)
    child["metadata"]["ownerReferences"] += _owned("x", two)["metadata"]["ownerReferences"]
    api.post(config_maps(namespace), child)
    path = config_maps(namespace, "child")
    api.delete(config_maps(namespace, "one"), {"propagationPolicy": "Background"})

    def owners() -> list[str]:
        return [o["name"] for o in api.get(path).json["metadata"]["ownerReferences"]]

    wait_for(lambda: owners() == ["two"])
    api.delete(config_maps(namespace, "two"), {"propagationPolicy": "Background"})
    _gone(api, path)


def test_orphans_stay(api: Api, namespace: str):
    """With Orphan the dependents lose their owner and live on."""
    owner = api.post(config_maps(namespace), config_map("owner")).json
    api.post(config_maps(namespace), _owned("child", owner))
    api.delete(config_maps(namespace, "owner"), {"propagationPolicy": "Orphan"})
    _gone(api, config_maps(namespace, "owner"))
    child = api.get(config_maps(namespace, "child"))
    assert (child.status, child.json["metadata"].get("ownerReferences")) == (200, None)


def test_foreground_waits_for_the_dependents(api: Api, namespace: str):
    """With Foreground the owner stays until a dependent's finalizer has left."""
    owner = api.post(config_maps(namespace), config_map("owner")).json
    child = _owned("child", owner, blockOwnerDeletion=True)
    child["metadata"]["finalizers"] = ["x.dev/a"]
    api.post(config_maps(namespace), child)
    api.delete(config_maps(namespace, "owner"), {"propagationPolicy": "Foreground"})
    path = config_maps(namespace, "child")
    wait_for(lambda: api.get(path).json["metadata"].get("deletionTimestamp"))
    waiting = api.get(config_maps(namespace, "owner")).json["metadata"]
    assert "foregroundDeletion" in waiting["finalizers"]
    api.merge(path, {"metadata": {"finalizers": None}})
    _gone(api, config_maps(namespace, "owner"))


def _make_namespace(api: Api, name: str) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    assert api.post("/api/v1/namespaces", body).status == 201


def test_a_namespace_takes_its_content_along(api: Api, namespace: str):
    """Deleting a namespace empties it; then it is gone."""
    name = f"{namespace}-x"
    _make_namespace(api, name)
    api.post(config_maps(name), config_map("a"))
    api.post(ingresses(name), ingress("a"))
    assert api.delete(f"/api/v1/namespaces/{name}").status == 200
    _gone(api, f"/api/v1/namespaces/{name}")
    assert api.get(config_maps(name, "a")).status == 404


def test_a_terminating_namespace_takes_nothing_new(api: Api, namespace: str):
    """While content waits for a finalizer, creates are refused and updates work."""
    name = f"{namespace}-x"
    _make_namespace(api, name)
    api.post(config_maps(name), config_map("held", finalizers=["x.dev/a"]))
    api.delete(f"/api/v1/namespaces/{name}")
    held = config_maps(name, "held")
    wait_for(lambda: api.get(held).json["metadata"].get("deletionTimestamp"))
    assert api.get(f"/api/v1/namespaces/{name}").json["status"]["phase"] == "Terminating"
    refused = api.post(config_maps(name), config_map("new"))
    assert (refused.status, refused.reason) == (403, "Forbidden")
    assert refused.json["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    assert api.merge(held, {"metadata": {"finalizers": None}}).status == 200
    _gone(api, f"/api/v1/namespaces/{name}")


def test_a_namespace_with_a_finalizer_of_its_own_waits_for_it(api: Api, namespace: str):
    """An empty namespace still waits for whoever put a finalizer on it."""
    name = f"{namespace}-x"
    path = f"/api/v1/namespaces/{name}"
    _make_namespace(api, name)
    api.merge(path, {"metadata": {"finalizers": ["x.dev/a"]}})
    api.delete(path)
    wait_for(lambda: not api.get(path).json["spec"].get("finalizers"))
    api.merge(path, {"metadata": {"finalizers": None}})
    _gone(api, path)


def test_the_first_namespaces_stay(api: Api):
    """A cluster's own namespaces cannot be deleted."""
    assert api.delete("/api/v1/namespaces/kube-system").status == 403
    assert api.get("/api/v1/namespaces/default").status == 200
