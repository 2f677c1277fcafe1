"""Conformance: Services and EndpointSlices, their addresses, defaults and refusals."""

from typing import Any

import pytest

from localcloud.kube import KubeCluster
from localcloud.kube.errors import ApiError
from tests.localcloud.kube.manifests import service, services
from tests.localcloud.kube.running import Running
from tests.localcloud.kube.wire import Api

pytestmark = pytest.mark.wire


def test_defaults(api: Api, namespace: str):
    """A bare Service is a ClusterIP with TCP ports that go to themselves."""
    made = api.post(services(namespace), service("a")).json["spec"]
    assert made["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert (made["type"], made["sessionAffinity"]) == ("ClusterIP", "None")
    assert made["internalTrafficPolicy"] == "Cluster"


def test_cluster_ips_are_distinct_and_stay(api: Api, namespace: str):
    """Each Service has an address of its own, which an update neither loses nor changes."""
    first = api.post(services(namespace), service("a")).json
    second = api.post(services(namespace), service("b")).json
    assert first["spec"]["clusterIP"] != second["spec"]["clusterIP"]
    kept = api.put(services(namespace, "a"), service("a", {"port": 81})).json
    assert kept["spec"]["clusterIP"] == first["spec"]["clusterIP"]
    change = {"spec": {"clusterIP": second["spec"]["clusterIP"], "clusterIPs": None}}
    assert api.merge(services(namespace, "a"), change).status == 422


def test_headless_services_have_no_address(api: Api, namespace: str):
    """The word None is respected."""
    made = api.post(services(namespace), service("a", clusterIP="None")).json["spec"]
    assert (made["clusterIP"], made["clusterIPs"]) == ("None", ["None"])


def test_node_ports(api: Api, namespace: str):
    """A NodePort Service gets ports; one that somebody has is refused, a free one respected."""
    made = api.post(services(namespace), service("a", type="NodePort")).json["spec"]
    number = made["ports"][0]["nodePort"]
    assert 30000 <= number <= 32767
    taken = service("b", {"port": 80, "nodePort": number}, type="NodePort")
    assert api.post(services(namespace), taken).status == 422
    outside = service("b", {"port": 80, "nodePort": 80}, type="NodePort")
    assert api.post(services(namespace), outside).status == 422
    api.delete(services(namespace, "a"))
    assert api.post(services(namespace), taken).json["spec"]["ports"][0]["nodePort"] == number


def test_external_names_have_no_address(api: Api, namespace: str):
    """An ExternalName Service is a name only, and needs one."""
    good = service("a", type="ExternalName", externalName="x.example.com")
    assert "clusterIP" not in api.post(services(namespace), good).json["spec"]
    assert api.post(services(namespace), service("b", type="ExternalName")).status == 422


REFUSED: list[tuple[dict[str, Any], str]] = [
    (service("a", {"port": 0}), "spec.ports[0].port"),
    (service("a", {"port": 65536}), "spec.ports[0].port"),
    (service("a", {"port": 80}, {"port": 81}), "spec.ports[0].name"),
    (service("a", {"name": "x", "port": 80}, {"name": "x", "port": 81}), "spec.ports[1].name"),
    (service("a", {"name": "x", "port": 80}, {"name": "y", "port": 80}), "spec.ports[1]"),
    (service("a", {"name": "No_Good", "port": 80}), "spec.ports[0].name"),
    (service("a", {"port": 80, "protocol": "ICMP"}), "spec.ports[0].protocol"),
    (service("a", {"port": 80, "targetPort": 70000}), "spec.ports[0].targetPort"),
    (service("a", {"port": 80, "targetPort": "way-too-long-a-name"}), "spec.ports[0].targetPort"),
    (service("a", {"port": 80, "nodePort": 30001}), "spec.ports[0].nodePort"),
    (service("a", type="Cluster"), "spec.type"),
    (service("a", sessionAffinity="Sticky"), "spec.sessionAffinity"),
    (service("a", selector={"a": "b c"}), "spec.selector"),
    (service("9a"), "metadata.name"),
    (service("a.b"), "metadata.name"),
]


@pytest.mark.parametrize(("body", "field"), REFUSED)
def test_refusals(api: Api, namespace: str, body: dict[str, Any], field: str):
    """Every fault is a 422 whose causes name the field."""
    reply = api.post(services(namespace), body)
    assert (reply.status, reply.reason) == (422, "Invalid")
    assert field in [cause["field"] for cause in reply.json["details"]["causes"]]


def test_a_service_without_ports_is_refused(api: Api, namespace: str):
    """Only headless and ExternalName Services may have none."""
    body = service("a")
    body["spec"]["ports"] = []
    assert api.post(services(namespace), body).status == 422


ADDRESSES = [
    ("10.1.2.3", 201),
    ("127.0.0.1", 422),
    ("169.254.1.1", 422),
    ("0.0.0.0", 422),
    ("fd00::1", 422),
    ("pod-1", 422),
]


@pytest.mark.parametrize(("address", "status"), ADDRESSES)
def test_endpoint_addresses(api: Api, namespace: str, address: str, status: int):
    """No loopback, link-local or unspecified endpoint, and none of another family."""
    body = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "a"},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address]}],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }
    path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    assert api.post(path, body).status == status


@pytest.mark.parametrize(
    ("block", "first", "second"),
    [("10.7", "10.7.240.1", "10.7.240.2"), ("10.7.3", "10.7.3.1", "10.7.3.2")],
)
def test_addresses_come_from_the_block(block: str, first: str, second: str):
    """The constructor says where cluster IPs are; foreign and taken ones are refused."""
    cluster = KubeCluster("a", service_block=block)
    made = [cluster.put(service(name), manager="m")["spec"]["clusterIP"] for name in "ab"]
    assert made == [first, second]
    for wrong in (first, "10.8.240.9"):
        with pytest.raises(ApiError) as refused:
            cluster.put(service("c", clusterIP=wrong), manager="m")
        assert refused.value.code == 422
    cluster.remove("services", "default", "a")
    again = cluster.put(service("c", clusterIP=first), manager="m")
    assert again["spec"]["clusterIP"] == first


def test_a_wanted_address_is_given(own: Running, own_api: Api):
    """A free address of the block can be asked for."""
    made = own_api.post(services("default"), service("a", clusterIP="10.0.250.9"))
    assert (made.status, made.json["spec"]["clusterIP"]) == (201, "10.0.250.9")
