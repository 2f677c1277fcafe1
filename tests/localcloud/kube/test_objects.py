"""Conformance: creating, reading, changing and refusing objects."""

import pytest

from tests.localcloud.kube.manifests import config_map, config_maps, ingress, ingresses, service
from tests.localcloud.kube.manifests import services as services_path
from tests.localcloud.kube.wire import JSON_PATCH, Api

pytestmark = pytest.mark.wire


def test_create_answers_201_with_the_metadata_that_a_server_fills_in(api: Api, namespace: str):
    """A created object carries uid, version, time, generation and the fields' owner."""
    reply = api.post(ingresses(namespace), ingress("a"), fieldManager="maker")
    metadata = reply.json["metadata"]
    assert reply.status == 201
    assert metadata["namespace"] == namespace
    assert metadata["generation"] == 1
    assert int(metadata["resourceVersion"]) > 0
    assert len(metadata["uid"]) == 36
    assert metadata["creationTimestamp"].endswith("Z")
    assert [(m["manager"], m["operation"]) for m in metadata["managedFields"]] == [
        ("maker", "Update")
    ]


def test_creating_twice_is_already_exists(api: Api, namespace: str):
    """The second create is a 409 whose reason is AlreadyExists, not Conflict."""
    api.post(ingresses(namespace), ingress("a"))
    reply = api.post(ingresses(namespace), ingress("a"))
    assert (reply.status, reply.reason) == (409, "AlreadyExists")
    assert reply.json["details"] == {"name": "a", "group": "networking.k8s.io", "kind": "ingresses"}


def test_what_is_not_there_is_not_found(api: Api, namespace: str):
    """Get, delete and patch of an absent object are 404 with a NotFound Status."""
    replies = [
        api.get(ingresses(namespace, "a")),
        api.delete(ingresses(namespace, "a")),
        api.merge(ingresses(namespace, "a"), {}),
    ]
    assert {(r.status, r.reason) for r in replies} == {(404, "NotFound")}


def test_generate_name(api: Api, namespace: str):
    """Two objects with the same generateName get two names that start with it."""
    body = config_map("x")
    body["metadata"] = {"generateName": "part-"}
    names = {api.post(config_maps(namespace), body).json["metadata"]["name"] for _ in range(2)}
    assert len(names) == 2
    assert all(name.startswith("part-") and len(name) == 10 for name in names)


def test_create_in_a_missing_namespace_is_404(api: Api):
    """Nothing is created in a namespace that does not exist."""
    reply = api.post(ingresses("never-made"), ingress("a"))
    assert (reply.status, reply.reason) == (404, "NotFound")


def test_list_has_kind_version_and_items_in_order(api: Api, namespace: str):
    """A list names its kind and the version from which a watch goes on."""
    for name in ("b", "a"):
        api.post(ingresses(namespace), ingress(name))
    listed = api.get(ingresses(namespace)).json
    assert listed["kind"] == "IngressList"
    assert int(listed["metadata"]["resourceVersion"]) > 0
    assert [item["metadata"]["name"] for item in listed["items"]] == ["a", "b"]


def test_pages_cover_everything_once(api: Api, namespace: str):
    """Limit and continue give every object once, under one resourceVersion."""
    for index in range(5):
        api.post(config_maps(namespace), config_map(f"m{index}"))
    query: dict[str, object] = {"labelSelector": "!nothing", "limit": 2}
    names: list[str] = []
    versions = set()
    while True:
        page = api.get(config_maps(namespace), **query).json
        names += [item["metadata"]["name"] for item in page["items"]]
        versions.add(page["metadata"]["resourceVersion"])
        if not page["metadata"].get("continue"):
            break
        query["continue"] = page["metadata"]["continue"]
    assert [name for name in names if name != "kube-root-ca.crt"] == [f"m{i}" for i in range(5)]
    assert len(versions) == 1


SELECTORS = [
    ("tier=web", ["a"]),
    ("tier==web", ["a"]),
    ("tier!=web", ["b", "c"]),
    ("tier in (web, db)", ["a", "b"]),
    ("tier notin (web)", ["b", "c"]),
    ("tier", ["a", "b"]),
    ("!tier", ["c"]),
    ("tier,zone=x", ["a"]),
    ("tier=web,tier=db", []),
]


@pytest.mark.parametrize(("selector", "names"), SELECTORS)
def test_label_selectors(api: Api, namespace: str, selector: str, names: list[str]):
    """Each form of label selector selects what the reference says."""
    api.post(ingresses(namespace), ingress("a", labels={"tier": "web", "zone": "x"}))
    api.post(ingresses(namespace), ingress("b", labels={"tier": "db"}))
    api.post(ingresses(namespace), ingress("c"))
    listed = api.get(ingresses(namespace), labelSelector=selector).json["items"]
    assert [item["metadata"]["name"] for item in listed] == names


def test_field_selectors(api: Api, namespace: str):
    """Names can be selected and excluded; a field that is not indexed is a bad request."""
    for name in ("a", "b"):
        api.post(ingresses(namespace), ingress(name))
    path = ingresses(namespace)
    for selector, names in (("metadata.name=a", ["a"]), ("metadata.name!=a", ["b"])):
        listed = api.get(path, fieldSelector=selector).json["items"]
        assert [item["metadata"]["name"] for item in listed] == names
    assert api.get(path, fieldSelector="spec.ingressClassName=x").status == 400


def test_put_replaces_and_refuses_what_is_stale(api: Api, namespace: str):
    """A PUT with the current version replaces; with an older one it is a Conflict."""
    first = api.post(ingresses(namespace), ingress("a")).json
    changed = {**first, "spec": {**first["spec"], "ingressClassName": "x"}}
    second = api.put(ingresses(namespace, "a"), changed)
    assert (second.status, second.json["spec"]["ingressClassName"]) == (200, "x")
    stale = api.put(ingresses(namespace, "a"), changed)
    assert (stale.status, stale.reason) == (409, "Conflict")
    assert "the object has been modified" in stale.json["message"]


def test_put_for_another_incarnation_is_a_conflict(api: Api, namespace: str):
    """An update that names the uid of a deleted predecessor does not hit its successor."""
    first = api.post(config_maps(namespace), config_map("a")).json
    api.delete(config_maps(namespace, "a"))
    api.post(config_maps(namespace), config_map("a"))
    body = config_map("a", uid=first["metadata"]["uid"])
    assert api.put(config_maps(namespace, "a"), body).status == 409


def test_merge_patch_sets_and_removes(api: Api, namespace: str):
    """Null removes a key, and what is not named stays."""
    body = ingress("a")
    body["metadata"]["annotations"] = {"keep": "1", "drop": "1"}
    api.post(ingresses(namespace), body)
    patch = {"metadata": {"annotations": {"drop": None, "new": "1"}}}
    reply = api.merge(ingresses(namespace, "a"), patch)
    assert reply.status == 200
    assert reply.json["metadata"]["annotations"] == {"keep": "1", "new": "1"}


def test_merge_patch_with_a_stale_version_is_a_conflict(api: Api, namespace: str):
    """A resourceVersion in a patch is a precondition."""
    api.post(ingresses(namespace), ingress("a"))
    patch = {"metadata": {"resourceVersion": "1", "annotations": {"k": "w"}}}
    assert api.merge(ingresses(namespace, "a"), patch).status == 409


def test_json_patch(api: Api, namespace: str):
    """Operations are carried out in turn; a failed test or a missing path is refused whole."""
    api.post(ingresses(namespace), ingress("a"))
    path = ingresses(namespace, "a")
    good = [
        {"op": "add", "path": "/metadata/labels", "value": {"q": "1"}},
        {"op": "test", "path": "/metadata/labels/q", "value": "1"},
    ]
    bad = [
        {"op": "replace", "path": "/metadata/labels/q", "value": "2"},
        {"op": "test", "path": "/metadata/labels/q", "value": "1"},
    ]
    assert api.send("PATCH", path, good, kind=JSON_PATCH).json["metadata"]["labels"] == {"q": "1"}
    refused = api.send("PATCH", path, bad, kind=JSON_PATCH)
    missing = api.send("PATCH", path, [{"op": "remove", "path": "/spec/no"}], kind=JSON_PATCH)
    assert (refused.status, missing.status) == (422, 422)
    assert api.get(path).json["metadata"]["labels"] == {"q": "1"}


def test_generation_counts_changes_of_the_spec_only(api: Api, namespace: str):
    """Metadata leaves the generation alone, the spec raises it by one."""
    api.post(ingresses(namespace), ingress("a"))
    path = ingresses(namespace, "a")
    labelled = api.merge(path, {"metadata": {"labels": {"k": "v"}}}).json
    changed = api.merge(path, {"spec": {"ingressClassName": "x"}}).json
    assert (labelled["metadata"]["generation"], changed["metadata"]["generation"]) == (1, 2)


def test_a_patch_that_changes_nothing_keeps_the_version(api: Api, namespace: str):
    """No event and no new version for a write without effect."""
    first = api.post(ingresses(namespace), ingress("a", ingressClassName="x")).json
    same = api.merge(ingresses(namespace, "a"), {"spec": {"ingressClassName": "x"}}).json
    assert same["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_dry_run_validates_and_stores_nothing(api: Api, namespace: str):
    """A dry run answers as the real thing would, and leaves no trace."""
    made = api.post(ingresses(namespace), ingress("a"), dryRun="All")
    refused = api.post(ingresses(namespace), ingress("a", rules=[{"host": "No!"}]), dryRun="All")
    assert (made.status, refused.status) == (201, 422)
    assert api.get(ingresses(namespace, "a")).status == 404


def test_status_and_spec_are_written_at_their_own_endpoints(api: Api, namespace: str):
    """The status endpoint ignores the spec, the main endpoint ignores the status."""
    api.post(ingresses(namespace), ingress("a"))
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.4"}]}}
    both = {"status": status, "spec": {"ingressClassName": "x"}}
    api.merge(ingresses(namespace, "a", "status"), both)
    seen = api.get(ingresses(namespace, "a")).json
    assert seen["status"] == status
    assert "ingressClassName" not in seen["spec"]
    api.merge(ingresses(namespace, "a"), {"status": {"loadBalancer": {"ingress": []}}})
    assert api.get(ingresses(namespace, "a")).json["status"] == status


def test_a_status_write_leaves_the_generation_alone(api: Api, namespace: str):
    """Only the version moves when the status changes."""
    first = api.post(ingresses(namespace), ingress("a")).json
    status = {"status": {"loadBalancer": {"ingress": [{"hostname": "x.example.com"}]}}}
    after = api.merge(ingresses(namespace, "a", "status"), status).json
    assert after["metadata"]["generation"] == 1
    assert after["metadata"]["resourceVersion"] != first["metadata"]["resourceVersion"]


def test_unknown_fields_are_refused_warned_about_or_dropped(api: Api, namespace: str):
    """Field validation decides whether a typing error is an error."""
    body = ingress("a", bogus=1)
    strict = api.post(ingresses(namespace), body, fieldValidation="Strict")
    assert strict.status == 400
    assert 'unknown field "spec.bogus"' in strict.json["message"]
    warned = api.post(ingresses(namespace), body, fieldValidation="Warn")
    assert warned.status == 201
    assert 'unknown field \\"spec.bogus\\"' in warned.headers["Warning"]
    assert "bogus" not in warned.json["spec"]
    silent = api.post(ingresses(namespace), ingress("b", bogus=1), fieldValidation="Ignore")
    assert (silent.status, silent.headers.get("Warning")) == (201, None)


def test_a_value_of_the_wrong_type_is_a_bad_request(api: Api, namespace: str):
    """A built-in object that does not fit its Go struct is a 400."""
    reply = api.post(services_path(namespace), service("a", {"port": "eighty"}))
    assert (reply.status, reply.reason) == (400, "BadRequest")
    assert "cannot be handled as a Service" in reply.json["message"]


METADATA = [
    ({"name": "Upper"}, "metadata.name"),
    ({"name": "under_score"}, "metadata.name"),
    ({"name": "-a"}, "metadata.name"),
    ({"name": "a" * 254}, "metadata.name"),
    ({"name": ""}, "metadata.name"),
    ({"labels": {"a b": "c"}}, "metadata.labels"),
    ({"labels": {"a": "b c"}}, "metadata.labels"),
    ({"labels": {"a": "b" * 64}}, "metadata.labels"),
    ({"labels": {"/a": "b"}}, "metadata.labels"),
    ({"labels": {"UP.dev/a": "b"}}, "metadata.labels"),
    ({"annotations": {"a/b/c": "x"}}, "metadata.annotations"),
    ({"annotations": {"a": "x" * 262144}}, "metadata.annotations"),
    ({"finalizers": ["not ok"]}, "metadata.finalizers"),
    ({"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "", "uid": "u"}]}, "name"),
]


@pytest.mark.parametrize(("metadata", "field"), METADATA)
def test_metadata_is_validated(api: Api, namespace: str, metadata: dict[str, object], field: str):
    """Names, labels, annotations, finalizers and owners follow the rules of every kind."""
    body = config_map("a")
    body["metadata"] = {"name": "a", **metadata}
    reply = api.post(config_maps(namespace), body)
    assert (reply.status, reply.reason) == (422, "Invalid")
    assert any(field in cause["field"] for cause in reply.json["details"]["causes"])


def test_labels_of_every_legal_form_pass(api: Api, namespace: str):
    """Prefixes, dots, capitals, empty values and full length are legal."""
    labels = {"a": "", "example.com/A_b.c": "X-y_z.9", "b" * 63: "c" * 63}
    body = config_map("a", labels=labels)
    assert api.post(config_maps(namespace), body).json["metadata"]["labels"] == labels


def test_other_media_types_are_refused(api: Api, namespace: str):
    """A body in an unknown format is a 415, and so is a patch of an unknown kind."""
    posted = api.send("POST", config_maps(namespace), b"<a/>", kind="application/xml")
    api.post(config_maps(namespace), config_map("a"))
    patched = api.send("PATCH", config_maps(namespace, "a"), b"{}", kind="application/json")
    assert (posted.status, patched.status) == (415, 415)


def test_protobuf_is_refused_with_a_way_out(api: Api, namespace: str):
    """What kubectl's imperative commands send is not read; the sentence says what to do."""
    kind = "application/vnd.kubernetes.protobuf"
    reply = api.send("POST", config_maps(namespace), b"k8s\0", kind=kind)

    assert reply.status == 415
    assert "kubectl apply -f" in reply.json["message"]


def test_a_body_beyond_the_limit_is_refused(own_api: Api):
    """More than the server reads is a 413, not a server's error."""
    body = config_map("a")
    body["data"]["big"] = "x" * (1 << 20)
    reply = own_api.post(config_maps("default"), body)
    assert (reply.status, reply.reason) == (413, "RequestEntityTooLarge")


def test_a_body_that_is_no_json_is_a_bad_request(api: Api, namespace: str):
    """Broken JSON is told as 400, never as a server's error."""
    assert api.send("POST", config_maps(namespace), b"{").status == 400


def test_a_body_for_another_place_is_a_bad_request(api: Api, namespace: str):
    """Kind, name and namespace of the body must be those of the path."""
    wrong_kind = api.post(config_maps(namespace), ingress("a"))
    wrong_place = api.post(config_maps(namespace), config_map("a", namespace="other"))
    api.post(config_maps(namespace), config_map("a"))
    wrong_name = api.put(config_maps(namespace, "a"), config_map("b"))
    assert [r.status for r in (wrong_kind, wrong_place, wrong_name)] == [400, 400, 400]


def test_paths_that_are_not_served_are_404(api: Api, namespace: str):
    """Unknown kinds, versions, groups and subresources are not found."""
    for path in (
        f"/api/v1/namespaces/{namespace}/nothings",
        f"/apis/networking.k8s.io/v9/namespaces/{namespace}/ingresses",
        "/apis/no.such.group/v1",
        f"/api/v1/namespaces/{namespace}/configmaps/a/status",
    ):
        assert api.get(path).status == 404, path


def test_secrets_fold_plain_strings_into_data(api: Api, namespace: str):
    """Of a Secret, stringData is written only: it is read back as base64 data."""
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "a"},
        "stringData": {"token": "hush"},
    }
    made = api.post(f"/api/v1/namespaces/{namespace}/secrets", body).json
    assert (made["data"], made["type"]) == ({"token": "aHVzaA=="}, "Opaque")
    assert "stringData" not in made


def test_delete_of_a_selection(api: Api, namespace: str):
    """Delete-collection takes what the selector names, and nothing else."""
    api.post(config_maps(namespace), config_map("a", labels={"x": "1"}))
    api.post(config_maps(namespace), config_map("b", labels={"x": "2"}))
    assert api.delete(config_maps(namespace), labelSelector="x=1").status == 200
    assert api.get(config_maps(namespace, "a")).status == 404
    assert api.get(config_maps(namespace, "b")).status == 200


def test_a_list_from_the_future_is_refused(api: Api, namespace: str):
    """A version that does not exist yet is a Timeout, which clients retry."""
    reply = api.get(ingresses(namespace), resourceVersion=str(10**15))
    assert reply.status == 504
    assert reply.json["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
