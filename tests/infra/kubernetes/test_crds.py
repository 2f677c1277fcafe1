import re

import celpy
import pytest

from fedingress.domain.policy import FederationPolicy
from fedingress.planning.decode import policy
from tests.infra.kubernetes.evaluation import KUBERNETES, causes, crd_schema, defaulted, documents
from tests.planning.decode.policy_cases import ACCEPTED, REFUSED, manifest

POLICIES = crd_schema("federationpolicies.yaml")
PROFILES = crd_schema("clusterprofiles.yaml")

ONLY_THE_DECODER = {
    "label key": "CEL over keys of unbounded length exceeds a server's cost limit",
}


def nodes(schema, at="schema"):
    """Every schema within *schema*; what stands in anyOf is no structure of its own."""
    yield at, schema
    for name, part in (schema.get("properties") or {}).items():
        yield from nodes(part, f"{at}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from nodes(schema["items"], f"{at}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from nodes(schema["additionalProperties"], f"{at}{{}}")


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_the_decoder_accepts_the_crd_accepts(name):
    """Every accepted policy passes schema and rules."""
    assert causes(ACCEPTED[name], POLICIES) == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_decoder_refuses_the_crd_refuses(name):
    """Every refused policy fails, but for the exceptions that are listed with their reason."""
    wrong, _ = REFUSED[name]
    assert bool(causes(wrong, POLICIES)) is (name not in ONLY_THE_DECODER)


@pytest.mark.parametrize("name", ACCEPTED)
def test_both_fill_in_the_same_defaults(name):
    """A policy that a server has filled in means what it meant before."""
    assert policy(defaulted(ACCEPTED[name], POLICIES)) == policy(ACCEPTED[name])


def test_known_and_unknown_topologies_have_different_sentences():
    """The CRD lists the four, and says which ones this version serves."""
    known, unknown = manifest(topology="via-aws"), manifest(topology="gpc")
    assert "not served by this version" in causes(known, POLICIES)[0]
    assert "is not one of" in causes(unknown, POLICIES)[0]


@pytest.mark.parametrize("schema", [POLICIES, PROFILES], ids=["policies", "profiles"])
def test_schemas_are_structural(schema):
    """Every node has a type or preserves what it does not know; arrays say of what."""
    for at, node in nodes(schema):
        assert "type" in node or node.get("x-kubernetes-preserve-unknown-fields"), at
        assert ("items" in node) == (node.get("type") == "array"), at
        assert not ("properties" in node and "additionalProperties" in node), at
        for part in node.get("anyOf", ()):
            assert not {"type", "default", "description"} & part.keys(), at


def test_patterns_are_anchored_and_without_lookaround():
    """A server's regular expressions (RE2) are searched for, and know no lookaround."""
    for at, node in nodes(POLICIES):
        if pattern := node.get("pattern"):
            assert pattern.startswith("^"), at
            assert pattern.endswith("$"), at
            assert "(?" not in pattern, at
            re.compile(pattern)


def test_what_rules_walk_over_is_bounded():
    """Lists have maxItems and the texts of rules maxLength, or a server refuses the rule's cost."""
    for at, node in nodes(POLICIES["properties"]["spec"]):
        if node.get("type") == "array":
            assert "maxItems" in node, at
        if node.get("type") == "string" and "enum" not in node and "pattern" not in node:
            assert "maxLength" in node, at


def test_rules_compile_and_have_messages():
    """Each rule is CEL, and says in words what is wrong."""
    for schema in (POLICIES, PROFILES):
        for at, node in nodes(schema):
            for rule in node.get("x-kubernetes-validations", ()):
                celpy.Environment().compile(rule["rule"])
                assert rule["message"], at


def test_every_field_of_the_spec_is_described():
    """`kubectl explain` answers for all that users write."""
    undescribed = [
        at
        for at, node in nodes(POLICIES["properties"]["spec"], "spec")
        if not at.endswith(("]", "}")) and at != "spec" and "description" not in node
    ]
    assert undescribed == []


def test_the_crd_shows_what_operators_look_for():
    """Scope, short name, status subresource and columns."""
    (crd,) = documents(KUBERNETES / "crds" / "federationpolicies.yaml")
    (version,) = crd["spec"]["versions"]
    assert crd["spec"]["scope"] == "Cluster"
    assert crd["spec"]["names"]["shortNames"] == ["fedpol"]
    assert version["subresources"] == {"status": {}}
    columns = [column["name"] for column in version["additionalPrinterColumns"]]
    assert columns == ["Topology", "Mode", "Zones", "Age"]


def test_profiles_take_both_names_of_the_providers():
    """And everything of the public example shape."""
    provider = {"name": "gke", "cluster": {"server": "https://10.0.0.1"}}
    body = {
        "apiVersion": "multicluster.x-k8s.io/v1alpha1",
        "kind": "ClusterProfile",
        "metadata": {"name": "a", "namespace": "b"},
        "spec": {"displayName": "A", "clusterManager": {"name": "m"}},
        "status": {
            "accessProviders": [provider],
            "credentialProviders": [provider],
            "properties": [{"name": "fedingress.dev/region", "value": "us"}],
            "version": {"kubernetes": "1.35.0"},
            "conditions": [
                {
                    "type": "ControlPlaneHealthy",
                    "status": "True",
                    "reason": "Probed",
                    "message": "",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }
            ],
        },
    }
    assert causes(body, PROFILES) == []
    assert causes({**body, "spec": {}}, PROFILES)


def test_the_class_in_the_repository_is_whole():
    """The IngressClass names the policy beside it, which decodes and passes the CRD."""
    ingress_class, example = documents(KUBERNETES / "classes" / "federated.yaml")
    assert ingress_class["spec"]["parameters"]["name"] == example["metadata"]["name"]
    assert isinstance(policy(example), FederationPolicy)
    assert causes(example, POLICIES) == []
