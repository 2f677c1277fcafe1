"""Laws of ownership and of server-side apply, on random objects."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.kube.apply import Author, apply
from localcloud.kube.errors import ApiError
from localcloud.kube.fields import EMPTY, Manager, Managers, decode, encode, leaves, spelled
from localcloud.kube.shapes import builtin, builtins
from localcloud.kube.strategic import strategic_patch

SERVICE = builtin("Service")

_WORDS = st.sampled_from(["a", "b", "c"])
_PORTS = st.dictionaries(
    st.tuples(st.integers(80, 83), st.sampled_from(["TCP", "UDP"])),
    st.fixed_dictionaries({}, optional={"name": _WORDS, "targetPort": st.integers(1, 3)}),
    max_size=3,
)


@st.composite
def services(draw: st.DrawFn) -> dict[str, Any]:
    """Give configurations of a Service: labels, finalizers, ports, selector and type."""
    ports = [
        {"port": number, "protocol": protocol, **rest}
        for (number, protocol), rest in sorted(draw(_PORTS).items())
    ]
    metadata: dict[str, Any] = {"name": "s"}
    if labels := draw(st.dictionaries(_WORDS, _WORDS)):
        metadata["labels"] = labels
    if finalizers := draw(st.lists(_WORDS, unique=True)):
        metadata["finalizers"] = finalizers
    spec: dict[str, Any] = {}
    if ports:
        spec["ports"] = ports
    if selector := draw(st.dictionaries(_WORDS, _WORDS)):
        spec["selector"] = selector
    if kind := draw(st.sampled_from(["", "ClusterIP", "NodePort"])):
        spec["type"] = kind
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _author(name: str) -> Author:
    return Author(
        manager=Manager(name=name, operation="Apply"), api_version="v1", time="2026-01-01T00:00:00Z"
    )


def _as_set(obj: dict[str, Any]) -> dict[Any, Any]:
    return {path: value for path, value in leaves(SERVICE, obj).items() if value is not EMPTY}


def _empty() -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}


def _apply(
    live: dict[str, Any], managers: Managers, config: dict[str, Any], name: str
) -> tuple[dict[str, Any], Managers]:
    done = apply(SERVICE, live, managers, config, _author(name), force=True)
    return done.obj, done.managers


@given(services())
def test_managed_fields_survive_the_wire(config: dict[str, Any]):
    """Encoded and decoded ownership is the same."""
    _, managers = _apply(_empty(), {}, config, "ann")
    wire = json.loads(json.dumps(encode(managers)))
    again = decode(wire)
    assert {m: o.paths for m, o in again.items()} == {
        m: o.paths for m, o in managers.items() if o.paths
    }


@given(services(), services())
def test_apply_twice_is_apply_once(first: dict[str, Any], config: dict[str, Any]):
    """The second apply of a configuration changes neither object nor ownership."""
    live, managers = _apply(_empty(), {}, first, "ann")
    once = _apply(live, managers, config, "bob")
    assert _apply(*once, config, "bob") == once


@given(services(), services())
def test_what_is_applied_is_there(first: dict[str, Any], config: dict[str, Any]):
    """After an apply with force each applied value stands in the object."""
    live, managers = _apply(_empty(), {}, first, "ann")
    obj, _ = _apply(live, managers, config, "bob")
    stored = _as_set(obj)
    for path, value in _as_set(config).items():
        assert stored[path] == value, spelled(path)


@given(services(), services())
def test_a_lone_manager_replaces_what_it_applied(first: dict[str, Any], second: dict[str, Any]):
    """Whoever owns everything ends with exactly the last configuration."""
    live, managers = _apply(_empty(), {}, first, "ann")
    obj, _ = _apply(live, managers, second, "ann")
    assert _as_set(obj) == _as_set(second)


@given(services(), services())
def test_what_one_takes_back_leaves_the_other(mine: dict[str, Any], theirs: dict[str, Any]):
    """When one manager applies nothing any more, the other's configuration is all that is left."""
    live, managers = _apply(_empty(), {}, mine, "ann")
    live, managers = _apply(live, managers, theirs, "bob")
    obj, left = _apply(live, managers, _empty(), "ann")
    assert _as_set(obj) == _as_set(theirs)
    assert not left[_author("ann").manager].paths


@given(services(), services())
def test_conflicts_are_exactly_the_differing_shared_fields(
    mine: dict[str, Any], theirs: dict[str, Any]
):
    """Without force an apply fails if, and only if, it changes a value that another owns."""
    live, managers = _apply(_empty(), {}, mine, "ann")
    before, after = _as_set(mine), _as_set(theirs)
    differing = {spelled(p) for p in before.keys() & after.keys() if before[p] != after[p]}
    if not differing:
        apply(SERVICE, live, managers, theirs, _author("bob"), force=False)
        return
    with pytest.raises(ApiError) as refused:
        apply(SERVICE, live, managers, theirs, _author("bob"), force=False)
    assert {c["field"] for c in refused.value.details["causes"]} == differing


@given(services(), services())
def test_apply_leaves_its_input_alone(first: dict[str, Any], config: dict[str, Any]):
    """Stored objects are shared with history and watchers: nobody writes to them."""
    live, managers = _apply(_empty(), {}, first, "ann")
    before = json.dumps(live)
    _apply(live, managers, config, "bob")
    assert json.dumps(live) == before


@given(services(), services())
def test_a_strategic_merge_leaves_its_input_alone(live: dict[str, Any], patch: dict[str, Any]):
    """The same for strategic merge patches, whose result holds each patched label."""
    before = json.dumps(live)
    result = strategic_patch(SERVICE, live, patch)
    assert json.dumps(live) == before
    wanted = patch["metadata"].get("labels", {})
    assert wanted.items() <= result["metadata"].get("labels", {}).items()


LIST_TYPES = [
    ("ServiceSpec", "ports", ("port", "protocol")),
    ("PodSpec", "containers", ("name",)),
    ("Container", "ports", ("containerPort", "protocol")),
    ("ObjectMeta", "ownerReferences", ("uid",)),
    ("PodStatus", "conditions", ("type",)),
    ("NamespaceStatus", "conditions", ("type",)),
    ("ServiceStatus", "conditions", ("type",)),
    ("IngressSpec", "rules", ()),
    ("IngressSpec", "tls", ()),
    ("discovery.EndpointSlice", "endpoints", ()),
    ("discovery.EndpointSlice", "ports", ()),
]


@pytest.mark.parametrize(("kind", "name", "keys"), LIST_TYPES)
def test_list_types_are_those_of_kubernetes(kind: str, name: str, keys: tuple[str, ...]):
    """Associative lists merge by their keys, the others are atomic."""
    shape = builtin(kind).fields[name]
    assert (shape.keys, shape.atomic) == (keys, not keys)


def test_every_type_refers_to_types_that_exist():
    """The table of types is closed, and finalizers are its set."""
    assert builtin("ObjectMeta").fields["finalizers"].unique
    for shape in builtins().values():
        for part in shape.fields.values():
            assert part.kind != "object" or part.name in builtins()
