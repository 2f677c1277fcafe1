import pytest
from hypothesis import given

from fedingress.domain.names import CONTROLLER, FINALIZERS
from fedingress.planning.decode import answer, ingress_class
from tests.planning.decode.mutations import mutated
from tests.planning.decode.policy_cases import manifest as policy

DEFAULT = {"ingressclass.kubernetes.io/is-default-class": "true"}
PARAMETERS = {"apiGroup": "fedingress.dev", "kind": "FederationPolicy", "name": "standard"}


def a_class(name="federated", *, default=False, created="", controller=CONTROLLER, parameters=None):
    meta = {"name": name, "annotations": DEFAULT if default else {}}
    if created:
        meta["creationTimestamp"] = created
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": meta,
        "spec": {"controller": controller, "parameters": parameters or PARAMETERS},
    }


def ingress(name=None, legacy=None, finalizers=()):
    meta = {"name": "shop", "finalizers": list(finalizers)}
    if legacy is not None:
        meta["annotations"] = {"kubernetes.io/ingress.class": legacy}
    return {"metadata": meta, "spec": {} if name is None else {"ingressClassName": name}}


NGINX = a_class("nginx", controller="k8s.io/ingress-nginx", parameters={"kind": "Other"})


def foreign(name, **more):
    """A default class of another controller."""
    return a_class(name, default=True, controller="k8s.io/ingress-nginx", **more)


POLICIES = {"standard": policy()}


def test_the_chain_gives_the_policy():
    """Ingress, class, parameters, policy."""
    found = answer(ingress("federated"), [NGINX, a_class()], POLICIES)
    assert found.federated
    assert found.policy.name == "standard"
    assert found.faults == ()


RESOLUTION = {
    "the field": (ingress("federated"), [a_class(), NGINX], True),
    "the field of another": (ingress("nginx"), [a_class(), NGINX], False),
    "the annotation": (ingress(legacy="federated"), [a_class(), NGINX], True),
    "the field before the annotation": (ingress("nginx", "federated"), [a_class(), NGINX], False),
    "the default class": (ingress(), [a_class(default=True), NGINX], True),
    "an empty annotation is no class": (ingress(legacy=""), [a_class(default=True)], False),
    "no default class": (ingress(), [a_class(), NGINX], False),
    "a missing class": (ingress("gone"), [a_class()], False),
    "of two defaults the newer": (
        ingress(),
        [
            a_class("a", default=True, created="2026-01-01T00:00:00Z"),
            foreign("b", created="2026-01-02T00:00:00Z"),
        ],
        False,
    ),
    "of two defaults of one age the first by name": (
        ingress(),
        [
            foreign("b"),
            a_class("a", default=True),
        ],
        True,
    ),
}


@pytest.mark.parametrize("name", RESOLUTION)
def test_whose_an_ingress_is(name):
    """The field, else the annotation of old, else the default class."""
    manifest, classes, federated = RESOLUTION[name]
    assert answer(manifest, classes, POLICIES).federated is federated


def test_a_missing_class_does_not_free_what_we_hold():
    """A class deleted by mistake is a fault, while an Ingress carries a finalizer of ours."""
    found = answer(ingress("gone", finalizers=[FINALIZERS["dns"]]), [], POLICIES)
    assert (found.federated, found.policy) == (True, None)
    assert found.faults == ("IngressClass 'gone' does not exist",)
    assert not answer(ingress("gone", finalizers=["theirs"]), [], POLICIES).federated


def test_a_missing_policy_is_named():
    """So is the class that names it."""
    found = answer(ingress("federated"), [a_class()], {})
    assert found.federated
    assert found.faults == ("IngressClass federated: FederationPolicy standard does not exist",)


def test_a_policy_that_does_not_decode_gives_its_faults():
    """All of them."""
    found = answer(
        ingress("federated"), [a_class()], {"standard": policy(topology="x", project="A")}
    )
    assert found.policy is None
    assert len(found.faults) == 2
    assert all(fault.startswith("FederationPolicy standard: spec.") for fault in found.faults)


WRONG = {
    "group": ({**PARAMETERS, "apiGroup": "x"}, "apiGroup: 'x' is not fedingress.dev"),
    "no group": ({"kind": "FederationPolicy", "name": "a"}, "apiGroup: nothing is not"),
    "kind": ({**PARAMETERS, "kind": "Policy"}, "kind: 'Policy' is not FederationPolicy"),
    "name": ({**PARAMETERS, "name": "A"}, "name: 'A' is not the name"),
    "no name": ({**PARAMETERS, "name": None}, "name: is required"),
    "scope": ({**PARAMETERS, "scope": "Namespace"}, "scope: 'Namespace' is not Cluster"),
    "namespace": ({**PARAMETERS, "namespace": "a"}, "namespace: must be absent"),
    "field": ({**PARAMETERS, "nam": "a"}, "nam: unknown field 'nam'; did you mean name?"),
}


@pytest.mark.parametrize("name", WRONG)
def test_parameters_name_a_policy(name):
    """Group, kind, name and scope are checked; the class is ours all the same."""
    parameters, expected = WRONG[name]
    found = ingress_class(a_class(parameters=parameters))
    assert (found.federated, found.policy) == (True, "")
    assert str(found.faults[0]).startswith(f"IngressClass federated: spec.parameters.{expected}")
    assert answer(ingress("federated"), [a_class(parameters=parameters)], POLICIES).faults


def test_a_class_without_parameters_is_told_what_is_missing():
    """The sentence says group, kind and name."""
    manifest = a_class()
    del manifest["spec"]["parameters"]
    (fault,) = ingress_class(manifest).faults
    assert "is required: apiGroup fedingress.dev, kind FederationPolicy" in str(fault)


def test_a_class_of_others_has_no_faults():
    """Their parameters are their business."""
    found = ingress_class(NGINX)
    assert (found.federated, found.faults, found.name) == (False, (), "nginx")


@given(mutated(a_class(default=True)), mutated(ingress("federated", "x", ["y"])))
def test_any_value_at_any_place_gives_an_answer(class_manifest, ingress_manifest):
    """Whatever stands in the class or the Ingress, the answer is one, with printable faults."""
    found = answer(ingress_manifest, [class_manifest], POLICIES)
    assert all(fault.isprintable() for fault in found.faults)
