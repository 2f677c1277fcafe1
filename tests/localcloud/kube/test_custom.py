"""Conformance: custom resources are served, validated, defaulted and pruned as their CRD says."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.localcloud.kube.manifests import definition
from tests.localcloud.kube.wire import STRATEGIC, Api, wait_for

pytestmark = pytest.mark.wire

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

CONDITIONS = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
    "items": {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"type": "string"}, "status": {"type": "string"}},
    },
}
SPEC = {
    "type": "object",
    "required": ["size"],
    "x-kubernetes-validations": [
        {"rule": "self.low <= self.size", "message": "size is below low"},
        {
            "rule": "!has(self.parts) || self.parts.all(p, p.startsWith(self.prefix))",
            "messageExpression": "'every part starts with ' + self.prefix",
            "fieldPath": ".parts",
        },
    ],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "low": {"type": "integer", "default": 1},
        "prefix": {"type": "string", "default": "p"},
        "mode": {
            "type": "string",
            "enum": ["a", "b"],
            "default": "a",
            "x-kubernetes-validations": [
                {
                    "rule": "self == oldSelf",
                    "message": "mode is immutable",
                    "reason": "FieldValueForbidden",
                }
            ],
        },
        "parts": {
            "type": "array",
            "x-kubernetes-list-type": "set",
            "maxItems": 3,
            "items": {"type": "string", "pattern": "^[a-z0-9]+$", "maxLength": 5},
        },
        "port": {"x-kubernetes-int-or-string": True},
        "nested": {
            "type": "object",
            "default": {},
            "properties": {"deep": {"type": "boolean", "default": True}},
        },
        "note": {"type": "string", "nullable": True},
        "weights": {"type": "object", "additionalProperties": {"type": "number"}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}
VERSION = {
    "subresources": {"status": {}},
    "additionalPrinterColumns": [
        {"name": "Mode", "type": "string", "jsonPath": ".spec.mode"},
        {
            "name": "Ready",
            "type": "string",
            "jsonPath": '.status.conditions[?(@.type=="Ready")].status',
        },
        {"name": "Parts", "type": "string", "jsonPath": ".spec.parts[*]", "priority": 1},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ],
    "schema": {
        "openAPIV3Schema": {
            "type": "object",
            "required": ["spec"],
            "properties": {
                "spec": SPEC,
                "status": {"type": "object", "properties": {"conditions": CONDITIONS}},
            },
        }
    },
}

Path = Callable[..., str]


@pytest.fixture(scope="module")
def group(api: Api) -> Iterator[str]:
    """The group of a CRD for Widgets that is served."""
    name = f"t{uuid.uuid4().hex[:8]}.example.dev"
    assert api.post(DEFINITIONS, definition("widgets", name, **VERSION)).status == 201
    wait_for(lambda: api.get(f"/apis/{name}/v1/widgets").status == 200)
    yield name
    api.delete(f"{DEFINITIONS}/widgets.{name}")


@pytest.fixture
def path(group: str, namespace: str) -> Path:
    """Gives paths of Widgets."""
    base = f"/apis/{group}/v1/namespaces/{namespace}/widgets"
    return lambda *parts: "/".join((base, *parts))


@pytest.fixture
def widget(group: str) -> Callable[..., dict[str, Any]]:
    """Gives Widgets."""

    def make(name: str = "a", **spec: Any) -> dict[str, Any]:
        return {
            "apiVersion": f"{group}/v1",
            "kind": "Widget",
            "metadata": {"name": name},
            "spec": {"size": 3, **spec},
        }

    return make


def test_a_definition_is_established_and_discoverable(api: Api, group: str):
    """The status says so, and discovery lists kind, verbs and status subresource."""
    status = api.get(f"{DEFINITIONS}/widgets.{group}").json["status"]
    conditions = {c["type"]: c["status"] for c in status["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert status["storedVersions"] == ["v1"]
    listed = api.get(f"/apis/{group}/v1").json["resources"]
    assert [r["name"] for r in listed] == ["widgets", "widgets/status"]
    assert group in [g["name"] for g in api.get("/apis").json["groups"]]


def test_defaults_are_filled_in(api: Api, path: Path, widget: Any):
    """Absent fields take their defaults, in nested objects too."""
    made = api.post(path(), widget()).json
    assert made["spec"] == {
        "size": 3,
        "low": 1,
        "prefix": "p",
        "mode": "a",
        "nested": {"deep": True},
    }
    assert made["metadata"]["generation"] == 1


def test_unknown_fields_are_pruned_or_refused(api: Api, path: Path, widget: Any):
    """What the schema does not know is dropped, kept where it says so, refused when strict."""
    body = widget(bogus=1, free={"any": {"thing": [1]}}, nested={"other": 1})
    assert api.post(path(), body, fieldValidation="Strict").status == 400
    made = api.post(path(), body).json["spec"]
    assert "bogus" not in made
    assert made["nested"] == {"deep": True}
    assert made["free"] == {"any": {"thing": [1]}}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"size": 0}, "spec.size"),
    ({"size": 10}, "spec.size"),
    ({"size": "3"}, "spec.size"),
    ({"size": 2.5}, "spec.size"),
    ({"mode": "z"}, "spec.mode"),
    ({"parts": ["p", "p"]}, "spec.parts[1]"),
    ({"parts": ["P"]}, "spec.parts[0]"),
    ({"parts": ["p1", "p2", "p3", "p4"]}, "spec.parts"),
    ({"parts": ["p23456"]}, "spec.parts[0]"),
    ({"port": True}, "spec.port"),
    ({"weights": {"x": "heavy"}}, "spec.weights.x"),
    ({"low": 5}, "spec"),
    ({"parts": ["x"]}, "spec.parts"),
]


@pytest.mark.parametrize(("spec", "field"), REFUSED)
def test_values_are_validated(api: Api, path: Path, widget: Any, spec: dict[str, Any], field: str):
    """Types, ranges, words, patterns, sets and CEL rules are held, each by its field."""
    reply = api.post(path(), widget(**spec))
    assert (reply.status, reply.reason) == (422, "Invalid")
    fields = [cause["field"] for cause in reply.json["details"]["causes"]]
    assert field in fields or f"{field}[0]" in fields, fields


def test_a_required_field_is_required(api: Api, path: Path, widget: Any):
    """Without the size, and without the spec, it is invalid."""
    body = widget()
    del body["spec"]["size"]
    assert api.post(path(), body).json["details"]["causes"][0]["reason"] == "FieldValueRequired"
    del body["spec"]
    assert api.post(path(), body).status == 422


GOOD: list[dict[str, Any]] = [
    {"port": 80},
    {"port": "http"},
    {"weights": {"x": 1.5, "y": 2}},
    {"note": None},
    {"parts": ["p1", "p2"]},
    {"size": 9, "low": 9},
]


@pytest.mark.parametrize("spec", GOOD)
def test_good_values_pass(api: Api, path: Path, widget: Any, spec: dict[str, Any]):
    """What the schema allows is stored as it came."""
    made = api.post(path(), widget(**spec))
    assert made.status == 201, made.text
    assert spec.items() <= made.json["spec"].items()


def test_the_message_of_a_rule_can_be_computed(api: Api, path: Path, widget: Any):
    """MessageExpression makes the words of the refusal."""
    reply = api.post(path(), widget(prefix="q", parts=["p1"]))
    assert "every part starts with q" in reply.json["message"]


def test_transition_rules_compare_with_the_old_object(api: Api, path: Path, widget: Any):
    """A rule on oldSelf holds for updates, and not for creates."""
    assert api.post(path(), widget(mode="b")).status == 201
    same = api.merge(path("a"), {"spec": {"size": 4}})
    changed = api.merge(path("a"), {"spec": {"mode": "a"}})
    assert (same.status, changed.status) == (200, 422)
    assert changed.json["details"]["causes"][0]["reason"] == "FieldValueForbidden"


def test_the_status_is_a_subresource(api: Api, path: Path, widget: Any):
    """Status is dropped at the main endpoint, kept at its own, and leaves the generation."""
    made = api.post(path(), {**widget(), "status": {"conditions": []}}).json
    assert "status" not in made
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    body = {"status": ready, "spec": {"size": 9}}
    after = api.merge(path("a", "status"), body).json
    assert (after["status"], after["spec"]["size"]) == (ready, 3)
    assert after["metadata"]["generation"] == 1


def test_conditions_are_owned_by_type(api: Api, path: Path, widget: Any):
    """Two managers apply one condition each; the list is merged by its key."""
    api.post(path(), widget())
    body = {key: widget()[key] for key in ("apiVersion", "kind", "metadata")}
    for manager, kind in (("ann", "Ready"), ("bob", "Synced")):
        status = {"conditions": [{"type": kind, "status": "True"}]}
        after = api.apply(path("a", "status"), {**body, "status": status}, manager)
    assert [c["type"] for c in after.json["status"]["conditions"]] == ["Ready", "Synced"]


def test_apply_of_undeclared_fields_is_refused(api: Api, path: Path, widget: Any):
    """Server-side apply is strict for custom objects too."""
    reply = api.apply(path("a"), widget(bogus=1))
    assert ".spec.bogus: field not declared in schema" in reply.json["message"]


def test_strategic_merge_is_for_built_in_kinds(api: Api, path: Path, widget: Any):
    """Custom objects answer a strategic merge patch with 415."""
    api.post(path(), widget())
    assert api.send("PATCH", path("a"), {"spec": {"size": 4}}, kind=STRATEGIC).status == 415


def test_updates_name_the_version_that_they_replace(api: Api, path: Path, widget: Any):
    """A PUT of a custom object without a resourceVersion is invalid."""
    api.post(path(), widget())
    reply = api.put(path("a"), widget(size=4))
    assert reply.status == 422
    assert reply.json["details"]["causes"][0]["field"] == "metadata.resourceVersion"


def test_tables_show_the_printer_columns(api: Api, path: Path, widget: Any):
    """Columns come from the definition, cells by their JSON paths."""
    api.post(path(), widget(parts=["p1", "p2"]))
    api.merge(
        path("a", "status"), {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    )
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    table = api.send("GET", path(), headers=accept).json
    assert [c["name"] for c in table["columnDefinitions"]] == [
        *("Name", "Mode", "Ready", "Parts", "Age")
    ]
    assert table["rows"][0]["cells"][:3] == ["a", "a", "True"]


def test_a_deleted_definition_takes_its_objects_along(api: Api, namespace: str):
    """The objects go first, then the paths are not served any more."""
    group = f"t{uuid.uuid4().hex[:8]}.example.dev"
    api.post(DEFINITIONS, definition("things", group))
    base = f"/apis/{group}/v1/namespaces/{namespace}/things"
    wait_for(lambda: api.get(base).status == 200)
    body = {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": "a"}}
    assert api.post(base, body).status == 201
    api.delete(f"{DEFINITIONS}/things.{group}")
    wait_for(lambda: api.get(base).status == 404)
    assert api.get(f"/apis/{group}").status == 404


def test_two_versions_are_one_resource(api: Api, namespace: str):
    """An object written in one version is read in the other, under that version's name."""
    group = f"t{uuid.uuid4().hex[:8]}.example.dev"
    body = definition("gears", group)
    (version,) = body["spec"]["versions"]
    body["spec"]["versions"].append({**version, "name": "v1beta1", "storage": False})
    api.post(DEFINITIONS, body)
    base = f"/apis/{group}/%s/namespaces/{namespace}/gears"
    wait_for(lambda: api.get(base % "v1beta1").status == 200)
    made = {
        "apiVersion": f"{group}/v1",
        "kind": "Gear",
        "metadata": {"name": "a"},
        "spec": {"x": 1},
    }
    assert api.post(base % "v1", made).status == 201
    seen = api.get(base % "v1beta1" + "/a").json
    assert (seen["apiVersion"], seen["spec"]) == (f"{group}/v1beta1", {"x": 1})
    listed = api.get(base % "v1beta1").json
    assert listed["items"][0]["apiVersion"] == f"{group}/v1beta1"
    groups = {g["name"]: g for g in api.get("/apis").json["groups"]}
    assert groups[group]["preferredVersion"]["version"] == "v1"
    api.delete(f"{DEFINITIONS}/gears.{group}")


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"group": "nodots"}, "spec.group"),
    ({"scope": "Global"}, "spec.scope"),
    ({"versions": []}, "spec.versions"),
    ({"names": {"plural": "Big", "singular": "big", "kind": "Big"}}, "spec.names.plural"),
]


@pytest.mark.parametrize(("change", "field"), FAULTS)
def test_definitions_are_validated(api: Api, change: dict[str, Any], field: str):
    """A definition that cannot be served is refused, by field."""
    body = definition("things", f"t{uuid.uuid4().hex[:8]}.example.dev")
    body["spec"].update(change)
    reply = api.post(DEFINITIONS, body)
    assert reply.status == 422, reply.text
    assert field in [cause["field"] for cause in reply.json["details"]["causes"]]


SCHEMAS: list[dict[str, Any]] = [
    {"type": "string"},
    {"type": "object", "properties": {"a": {}}},
    {"type": "object", "properties": {"a": {"type": "array"}}},
    {"type": "object", "properties": {"a": {"type": "word"}}},
    {"type": "object", "x-kubernetes-validations": [{"rule": "self. ("}]},
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_schemas_must_be_structural(api: Api, schema: dict[str, Any]):
    """Types everywhere, items of lists, and rules that compile."""
    body = definition(
        "things", f"t{uuid.uuid4().hex[:8]}.example.dev", schema={"openAPIV3Schema": schema}
    )
    assert api.post(DEFINITIONS, body).status == 422
