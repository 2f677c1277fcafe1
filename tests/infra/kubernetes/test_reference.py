import re

import pytest

from fedingress.domain import names
from fedingress.planning.decode.members import LEAVING, PROPERTIES
from tests.infra.kubernetes.evaluation import ROOT, crd_schema
from tests.infra.kubernetes.test_crds import nodes

PAGE = (ROOT / "docs" / "reference" / "objects.md").read_text(encoding="utf-8")
ROWS = {
    match.group(1): line
    for line in PAGE.splitlines()
    if (match := re.match(r"\| `([^`]+)`", line)) is not None
}
SPEC = crd_schema("federationpolicies.yaml")["properties"]["spec"]
GROUPS = {
    "spec",
    "spec.placement",
    "spec.backends",
    "spec.backends.healthCheck",
    "spec.backends.sessionAffinity",
    "spec.backends.cdn",
    "spec.backends.iap",
    "spec.backends.logging",
    "spec.dns",
    "spec.dns.healthCheck",
    "spec.dns.damping",
    "spec.aws",
    "spec.tls",
    "spec.addresses",
    "spec.backends.preferred",
    "spec.rollout",
}
FIELDS = {
    at: node
    for at, node in nodes(SPEC, "spec")
    if not at.endswith(("]", "}"))
    and at not in GROUPS | {"spec.deletion"}
    and not at.startswith("spec.overrides[].clusterSelector.")
    and not at.startswith("spec.backends.preferred.clusterSelector.")
}


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_of_a_policy_is_documented(field):
    """With its words, its range and its default."""
    row, node = ROWS[field], FIELDS[field]
    for word in node.get("enum", ()):
        assert f"`{word}`" in row, word
    if "maximum" in node:
        assert str(node["maximum"]) in row
    if node.get("type") == "integer":
        assert f"{node['minimum']} to {node['maximum']}" in row
    if "maxItems" in node:
        assert str(node["maxItems"]) in row
    if "default" in node:
        assert row.rstrip().endswith(f"`{node['default']}` |")


def test_no_field_is_documented_that_does_not_exist():
    """Rows of the policy's table are fields of the definition."""
    table = PAGE.partition("## FederationPolicy")[2].partition("## ")[0]
    rows = re.findall(r"^\| `(spec[^`]*)`", table, flags=re.MULTILINE)
    assert sorted(rows) == sorted(FIELDS)


def test_properties_annotations_and_fields_of_an_ingress_are_documented():
    """Each that a decoder reads has a row."""
    wanted = [f"fedingress.dev/{name}" for name in PROPERTIES]
    wanted += [names.CLUSTERS, names.CLUSTER_SELECTOR, names.V1_CLUSTER_SELECTOR]
    wanted += [names.ALLOW_HTTP, names.PRE_SHARED, names.HOSTNAME]
    wanted += [names.STATIC_IP, names.STATIC_IPV6, names.GLOBAL_STATIC_IP]
    paths = "spec.rules[].http.paths[]"
    wanted += [
        *("spec.ingressClassName", "spec.defaultBackend", "spec.rules[].host", paths),
        *(f"{paths}.{name}" for name in ("path", "pathType", "backend.service.name")),
        *(f"{paths}.backend.service.port", "spec.tls[].secretName", "spec.tls[].hosts[]"),
        *(f"spec.parameters.{name}" for name in ("apiGroup", "kind", "name", "scope")),
    ]
    assert [name for name in wanted if name not in ROWS] == []
    assert f'metadata.annotations["{LEAVING}"]' in ROWS
