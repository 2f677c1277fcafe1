"""Discovery, OpenAPI, tables and media types: what clients learn before and beside objects."""

import gzip
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from localcloud.kube.columns import age
from tests.localcloud.kube.manifests import config_map, config_maps, ingress, ingresses
from tests.localcloud.kube.running import Running
from tests.localcloud.kube.wire import Api

TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@pytest.mark.wire
def test_groups_versions_and_resources(api: Api):
    """The older discovery documents list what is served."""
    assert "v1" in api.get("/api").json["versions"]
    groups = {g["name"] for g in api.get("/apis").json["groups"]}
    assert {"apps", "networking.k8s.io", "discovery.k8s.io", "events.k8s.io"} <= groups
    group = api.get("/apis/networking.k8s.io").json
    assert group["preferredVersion"]["groupVersion"] == "networking.k8s.io/v1"
    listed = {r["name"]: r for r in api.get("/apis/networking.k8s.io/v1").json["resources"]}
    assert listed["ingresses"]["shortNames"] == ["ing"]
    assert listed["ingresses"]["namespaced"] is True
    assert {"get", "list", "watch", "patch"} <= set(listed["ingresses"]["verbs"])
    assert listed["ingresses/status"]["kind"] == "Ingress"


@pytest.mark.wire
@pytest.mark.parametrize(("path", "kind"), [("/api", "Service"), ("/apis", "Ingress")])
def test_aggregated_discovery(api: Api, path: str, kind: str):
    """One document lists all groups of a root with their resources."""
    reply = api.send("GET", path, headers={"Accept": AGGREGATED})
    assert "as=APIGroupDiscoveryList" in reply.headers["Content-Type"]
    kinds = {
        resource["responseKind"]["kind"]
        for group in reply.json["items"]
        for version in group["versions"]
        for resource in version["resources"]
    }
    assert kind in kinds


@pytest.mark.wire
def test_openapi_has_every_group_with_its_merge_strategies(api: Api):
    """Each document is there, and says how lists merge and which query parameters exist."""
    paths = api.get("/openapi/v3").json["paths"]
    assert {"api/v1", "apis/networking.k8s.io/v1"} <= set(paths)
    document = api.get(paths["api/v1"]["serverRelativeURL"]).json
    schemas = document["components"]["schemas"]
    (spec,) = (s for name, s in schemas.items() if name.endswith("ServiceSpec"))
    ports = spec["properties"]["ports"]
    assert ports["x-kubernetes-list-map-keys"] == ["port", "protocol"]
    assert ports["x-kubernetes-patch-merge-key"] == "port"
    patch = document["paths"]["/api/v1/namespaces/{namespace}/services/{name}"]["patch"]
    names = {p.get("name") for p in patch["parameters"]}
    assert "fieldValidation" in names


@pytest.mark.wire
def test_openapi_refers_only_to_what_it_holds(own_api: Api):
    """No reference of any document leads nowhere."""

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            here = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return here.union(*(references(item) for item in value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    for entry in own_api.get("/openapi/v3").json["paths"].values():
        document = own_api.get(entry["serverRelativeURL"]).json
        held = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
        assert references(document) <= held


@pytest.mark.wire
def test_the_openapi_hash_follows_the_definitions(own: Running, own_api: Api):
    """A new custom resource is a new document, which clients notice by its address."""
    from tests.localcloud.kube.manifests import definition

    before = own_api.get("/openapi/v3").json["paths"]
    own.call(own.cluster.put, definition("gizmos"), manager="m")
    after = own_api.get("/openapi/v3").json["paths"]
    assert set(after) - set(before) == {"apis/example.dev/v1"}
    schema = own_api.get("/openapi/v3/apis/example.dev/v1").json["components"]["schemas"]
    assert "dev.example.v1.Gizmo" in schema


@pytest.mark.wire
def test_tables_carry_metadata_or_whole_objects(api: Api, namespace: str):
    """A row's object is its metadata, all of it, or nothing, as asked."""
    api.post(ingresses(namespace), ingress("a"))
    path = ingresses(namespace)
    table = api.send("GET", path, headers=TABLE).json
    assert table["kind"] == "Table"
    assert table["rows"][0]["cells"][0] == "a"
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    whole = api.send("GET", f"{path}/a", headers=TABLE, includeObject="Object").json
    assert whole["rows"][0]["object"]["spec"] == ingress("a")["spec"]
    bare = api.send("GET", path, headers=TABLE, includeObject="None").json
    assert bare["rows"][0].get("object") is None


@pytest.mark.wire
def test_protobuf_is_refused(own_api: Api):
    """A protobuf body is a 415 that names what is understood."""
    kind = "application/vnd.kubernetes.protobuf"
    reply = own_api.send("POST", "/api/v1/namespaces", b"k8s\0", kind=kind)
    assert (reply.status, reply.reason) == (415, "UnsupportedMediaType")
    assert "application/json" in reply.json["message"]


@pytest.mark.wire
def test_large_lists_are_compressed_on_demand(own_api: Api):
    """Beyond 128 KiB a client that takes gzip gets it; another gets plain text."""
    for number in range(3):
        body = config_map(f"m{number}")
        body["data"]["big"] = "x" * 60_000
        own_api.post(config_maps("default"), body)
    raw = own_api._pool.request(
        "GET",
        own_api.url + config_maps("default"),
        headers={"Accept-Encoding": "gzip"},
        decode_content=False,
    )
    assert raw.headers["Content-Encoding"] == "gzip"
    assert b'"ConfigMapList"' in gzip.decompress(raw.data)
    plain = own_api.get(config_maps("default"))
    assert "Content-Encoding" not in plain.headers


@pytest.mark.wire
def test_methods_that_are_not_served(own_api: Api):
    """Other methods, and writes to where nothing is written, are a 405."""
    for method, path in (
        ("OPTIONS", config_maps("default")),
        ("PUT", config_maps("default")),
        ("POST", config_maps("default", "a")),
        ("POST", "/api/v1/configmaps"),
    ):
        assert own_api.send(method, path, {}).status == 405, (method, path)


AGES = [
    (5, "5s"),
    (119, "119s"),
    (120, "2m"),
    (200, "3m20s"),
    (601, "10m"),
    (10_799, "179m"),
    (10_860, "3h1m"),
    (8 * 3600, "8h"),
    (47 * 3600, "47h"),
    (49 * 3600, "2d1h"),
    (9 * 86400, "9d"),
]


@pytest.mark.parametrize(("seconds", "text"), AGES)
def test_ages_are_rounded_as_kubectl_does(seconds: int, text: str):
    """Two units while they matter, then one."""
    then = datetime.now(UTC) - timedelta(seconds=seconds, milliseconds=200)
    assert age(then.isoformat()) == text
