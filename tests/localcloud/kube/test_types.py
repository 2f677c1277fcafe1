"""The table of built-in types against the models that Kubernetes' own generator made."""

from typing import Any

import pytest
from kubernetes import client

from localcloud.kube.resources import Registry
from localcloud.kube.shapes import SCALARS, builtins


def _model(name: str) -> Any:
    word = name.rsplit(".", 1)[-1]
    kinds = {
        "discovery.EndpointPort": "DiscoveryV1EndpointPort",
        "EndpointPort": "CoreV1EndpointPort",
    }
    kinds |= {"Event": "CoreV1Event", "events.Event": "EventsV1Event"}
    kinds |= {"EventSeries": "CoreV1EventSeries", "events.EventSeries": "EventsV1EventSeries"}
    return getattr(client, kinds.get(name, f"V1{word}"), None)


NAMES = sorted(name for name in builtins() if _model(name) is not None)


# The table is that of 1.35; the client's models are of a later release.
DROPPED_SINCE = {"PodSpec": {"workloadRef"}}
EXACT = [
    *("IngressSpec", "IngressRule", "HTTPIngressPath", "IngressBackend", "IngressTLS"),
    *("IngressClassSpec", "IngressClassParametersReference", "IngressLoadBalancerIngress"),
    *("ServiceSpec", "ServicePort", "ServiceStatus", "ServiceBackendPort"),
    *("discovery.EndpointSlice", "discovery.Endpoint", "discovery.EndpointConditions"),
    *("ObjectMeta", "OwnerReference", "Namespace", "Secret", "ConfigMap", "LeaseSpec"),
    *("Event", "events.Event", "CustomResourceDefinitionSpec", "CustomResourceDefinitionVersion"),
    *("ValidatingAdmissionPolicySpec", "ValidatingAdmissionPolicyBindingSpec", "DeploymentSpec"),
]


@pytest.mark.parametrize("name", NAMES)
def test_no_field_is_invented(name: str):
    """Every field of the table is a field of the official model."""
    model = set(_model(name).attribute_map.values())
    assert set(builtins()[name].fields) - model == DROPPED_SINCE.get(name, set())


@pytest.mark.parametrize("name", EXACT)
def test_no_field_is_missing(name: str):
    """The kinds that the lab is about have all their fields."""
    assert set(_model(name).attribute_map.values()) == set(builtins()[name].fields)


def test_nearly_every_type_has_a_model():
    """The comparison covers the table, and every kind that is served."""
    assert len(NAMES) > 0.9 * len(builtins())
    assert {resource.shape.name for resource in Registry()} <= set(NAMES)


def test_every_kind_of_shape_is_known():
    """Nothing in the table is a word that nobody reads."""
    known = SCALARS | {"object", "map", "list", "any"}
    for shape in builtins().values():
        assert {part.kind for part in shape.fields.values()} <= known
