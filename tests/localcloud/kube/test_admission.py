"""ValidatingAdmissionPolicies: what they match, what they see, what they refuse."""

from typing import Any

import pytest

from tests.localcloud.kube.manifests import config_map, config_maps, ingress, ingresses
from tests.localcloud.kube.running import Running
from tests.localcloud.kube.wire import Api

pytestmark = pytest.mark.wire

_BASE = "/apis/admissionregistration.k8s.io/v1"


def _rule(*operations: str, resource: str = "ingresses") -> dict[str, Any]:
    return {
        "apiGroups": ["networking.k8s.io"] if resource == "ingresses" else [""],
        "apiVersions": ["*"],
        "operations": list(operations) or ["*"],
        "resources": [resource],
    }


def _install(
    api: Api, rule: dict[str, Any], *validations: dict[str, Any], **more: Any
) -> dict[str, Any]:
    actions = more.pop("actions", ["Deny"])
    match = {"resourceRules": [rule], **more.pop("match", {})}
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "p"},
        "spec": {"matchConstraints": match, "validations": list(validations), **more},
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "b"},
        "spec": {"policyName": "p", "validationActions": actions},
    }
    made = api.post(f"{_BASE}/validatingadmissionpolicies", policy)
    assert made.status == 201, made.text
    assert api.post(f"{_BASE}/validatingadmissionpolicybindings", binding).status == 201
    return dict(made.json)


def test_a_policy_denies_what_it_matches(own_api: Api):
    """The refusal names policy, binding and message; other kinds pass."""
    check = {"expression": "has(object.spec.ingressClassName)", "message": "a class is needed"}
    _install(own_api, _rule("CREATE"), check)
    refused = own_api.post(ingresses("default"), ingress("a"))
    assert (refused.status, refused.reason) == (422, "Invalid")
    assert refused.json["message"] == (
        "ingresses.networking.k8s.io \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with "
        "binding 'b' denied request: a class is needed"
    )
    assert own_api.post(ingresses("default"), ingress("a", ingressClassName="x")).status == 201
    assert own_api.post(config_maps("default"), config_map("a")).status == 201


def test_an_update_sees_the_old_object(own_api: Api):
    """OldObject and request are there to compare with."""
    check = {
        "expression": "request.operation != 'UPDATE' || object.data.a == oldObject.data.a",
        "messageExpression": "'not from ' + oldObject.data.a",
        "reason": "Forbidden",
    }
    _install(own_api, _rule(resource="configmaps"), check)
    assert own_api.post(config_maps("default"), config_map("a")).status == 201
    path = config_maps("default", "a")
    assert own_api.merge(path, {"data": {"b": "1"}}).status == 200
    refused = own_api.merge(path, {"data": {"a": "2"}})
    assert (refused.status, refused.reason) == (403, "Forbidden")
    assert "not from 1" in refused.json["message"]
    assert own_api.get(path).json["data"] == {"a": "1", "b": "1"}


def test_server_side_apply_and_deletes_pass_through_admission(own_api: Api):
    """Every door leads through it."""
    check = {"expression": "request.operation != 'DELETE' && object.metadata.name != 'no'"}
    _install(own_api, _rule(resource="configmaps"), check)
    assert own_api.apply(config_maps("default", "no"), config_map("no")).status == 422
    assert own_api.apply(config_maps("default", "yes"), config_map("yes")).status == 201
    assert own_api.delete(config_maps("default", "yes")).status == 422


def test_a_policy_that_warns_lets_pass(own_api: Api):
    """The warning comes as a header."""
    check = {"expression": "false", "message": "think again"}
    _install(own_api, _rule(resource="configmaps"), check, actions=["Warn"])
    made = own_api.post(config_maps("default"), config_map("a"))
    assert made.status == 201
    assert "think again" in made.headers["Warning"]


def test_selectors_and_conditions_narrow_the_match(own_api: Api):
    """Object selector, namespace selector and match conditions must all hold."""
    _install(
        own_api,
        _rule(resource="configmaps"),
        {"expression": "false"},
        match={
            "objectSelector": {"matchLabels": {"guard": "on"}},
            "namespaceSelector": {
                "matchExpressions": [
                    {
                        "key": "kubernetes.io/metadata.name",
                        "operator": "NotIn",
                        "values": ["kube-system"],
                    }
                ]
            },
        },
        matchConditions=[{"name": "named", "expression": "object.metadata.name.startsWith('x')"}],
    )
    on = {"labels": {"guard": "on"}}
    cases = [
        ("default", "x1", on, 422),
        ("default", "x2", {}, 201),
        ("default", "y1", on, 201),
        ("kube-system", "x3", on, 201),
    ]
    for namespace, name, metadata, status in cases:
        made = own_api.post(config_maps(namespace), config_map(name, **metadata))
        assert made.status == status, (namespace, name)


def test_variables_are_computed_once_for_all_checks(own_api: Api):
    """A variable may use the ones before it."""
    _install(
        own_api,
        _rule(resource="configmaps"),
        {"expression": "variables.twice <= 2", "messageExpression": "string(variables.twice)"},
        variables=[
            {"name": "count", "expression": "size(object.data)"},
            {"name": "twice", "expression": "variables.count * 2"},
        ],
    )
    assert own_api.post(config_maps("default"), config_map("a")).status == 201
    body = config_map("b")
    body["data"]["c"] = "2"
    refused = own_api.post(config_maps("default"), body)
    assert (refused.status, "denied request: 4" in refused.json["message"]) == (422, True)


@pytest.mark.parametrize(("policy", "status"), [("Fail", 422), ("Ignore", 201)])
def test_an_expression_that_fails_follows_the_failure_policy(
    own_api: Api, policy: str, status: int
):
    """What cannot be evaluated is denied, unless the policy says otherwise."""
    check = {"expression": "object.spec.nothing.here == 1"}
    _install(own_api, _rule(resource="configmaps"), check, failurePolicy=policy)
    assert own_api.post(config_maps("default"), config_map("a")).status == status


def test_a_policy_without_a_binding_does_nothing(own: Running, own_api: Api):
    """Only a binding puts it in force."""
    _install(own_api, _rule(resource="configmaps"), {"expression": "false"})
    own.call(
        own.cluster.remove,
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        None,
        "b",
    )
    assert own_api.post(config_maps("default"), config_map("a")).status == 201
