"""
Conformance: node ports of Services, from their allocation to a change of type and back.

Sources: kubernetes ``pkg/registry/core/service/strategy.go`` (what a change of type drops) and
``storage/alloc.go`` (allocation, what is kept), ``pkg/apis/core/validation`` (texts).
"""

from typing import Any

import pytest

from tests.localcloud.kube.manifests import service, services
from tests.localcloud.kube.wire import Api

pytestmark = pytest.mark.wire


def node_port(body: dict[str, Any]) -> int | None:
    """Give the node port of the first port, or None."""
    number: int | None = body["spec"]["ports"][0].get("nodePort")
    return number


def test_a_taken_port_is_refused_in_the_servers_words(api: Api, namespace: str):
    """The 422 names field, number and reason, for a new Service and for a changed one."""
    made = api.post(services(namespace), service("a", type="NodePort")).json
    number = node_port(made)
    wanted = service("b", {"port": 80, "nodePort": number}, type="NodePort")
    reply = api.post(services(namespace), wanted)
    assert (reply.status, reply.reason) == (422, "Invalid")
    text = f"spec.ports[0].nodePort: Invalid value: {number}: provided port is already allocated"
    assert reply.json["message"] == f'Service "b" is invalid: {text}'
    other = node_port(api.post(services(namespace), service("b", type="NodePort")).json)
    assert other not in (None, number)
    changed = api.put(services(namespace, "b"), wanted)
    assert (changed.status, text in changed.json["message"]) == (422, True)
    assert node_port(api.get(services(namespace, "b")).json) == other


def test_a_port_is_kept_by_an_update_that_does_not_say_it(api: Api, namespace: str):
    """A PUT without the number keeps it; a PUT with another frees it for everybody."""
    number = node_port(api.post(services(namespace), service("a", type="NodePort")).json)
    kept = api.put(services(namespace, "a"), service("a", type="NodePort", selector={"a": "b"}))
    assert node_port(kept.json) == number
    free = service("b", {"port": 80, "nodePort": 32767}, type="NodePort")
    assert node_port(api.put(services(namespace, "a"), {**free, "metadata": {"name": "a"}}).json)
    again = service("b", {"port": 80, "nodePort": number}, type="NodePort")
    assert api.post(services(namespace), again).status == 201


def test_a_type_comes_and_goes_with_its_fields(api: Api, namespace: str):
    """ClusterIP to NodePort allocates; back, an unchanged port and policy are dropped."""
    api.post(services(namespace), service("a"))
    there = api.merge(services(namespace, "a"), {"spec": {"type": "NodePort"}}).json
    assert 30000 <= (node_port(there) or 0) <= 32767
    assert there["spec"]["externalTrafficPolicy"] == "Cluster"
    back = api.merge(services(namespace, "a"), {"spec": {"type": "ClusterIP"}})
    assert (back.status, node_port(back.json)) == (200, None)
    assert "externalTrafficPolicy" not in back.json["spec"]
    assert back.json["spec"]["clusterIP"] == there["spec"]["clusterIP"]
    freed = service("b", {"port": 80, "nodePort": node_port(there)}, type="NodePort")
    assert api.post(services(namespace), freed).status == 201


def test_applied_types_change_too(api: Api, namespace: str):
    """Server-side apply makes a Service a NodePort with a number of its own, and back."""
    path = services(namespace, "a")
    wanted = service("a", {"port": 80, "nodePort": 31234}, type="NodePort")
    assert node_port(api.apply(path, service("a"), manager="m").json) is None
    assert node_port(api.apply(path, wanted, manager="m").json) == 31234
    reply = api.apply(path, service("a", type="ClusterIP"), manager="m")
    assert (reply.status, node_port(reply.json)) == (200, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (service("a", externalTrafficPolicy="Local"), "spec.externalTrafficPolicy"),
        (
            service("a", type="NodePort", externalTrafficPolicy="Near"),
            "spec.externalTrafficPolicy",
        ),
        (
            service(
                "a",
                {"name": "x", "port": 80, "nodePort": 31111},
                {"name": "y", "port": 81, "nodePort": 31111},
                type="NodePort",
            ),
            "spec.ports[1].nodePort",
        ),
        (service("a", {"port": 80, "nodePort": 29999}, type="NodePort"), "spec.ports[0].nodePort"),
    ],
)
def test_refusals(api: Api, namespace: str, body: dict[str, Any], field: str):
    """Every fault is a 422 whose causes name the field."""
    reply = api.post(services(namespace), body)
    assert (reply.status, reply.reason) == (422, "Invalid")
    assert field in [cause["field"] for cause in reply.json["details"]["causes"]]
