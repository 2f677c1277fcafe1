"""What all nouns have in common, and what single ones can say."""

import dataclasses
import importlib
import pkgutil

import pytest

from fedingress import domain
from fedingress.domain import errors, work
from fedingress.domain.cluster import Access, Inventory
from fedingress.domain.errors import FederationError, Invalid, Unavailable
from fedingress.domain.graph import Kind, NegRef
from fedingress.domain.member import MemberObject, ObjectRef
from fedingress.domain.policy import ZoneRef
from fedingress.domain.work import Work
from tests.planning.shop import member


def nouns():
    """Every dataclass of the domain."""
    for found in pkgutil.iter_modules(domain.__path__):
        module = importlib.import_module(f"{domain.__name__}.{found.name}")
        for each in vars(module).values():
            if dataclasses.is_dataclass(each) and each.__module__ == module.__name__:
                yield each


@pytest.mark.parametrize("noun", [*nouns()], ids=lambda noun: noun.__name__)
def test_every_noun_is_a_frozen_value_with_named_fields(noun):
    """Nothing that one concern holds can be changed by another, and no order of arguments lies."""
    parameters = noun.__dataclass_params__

    assert parameters.frozen
    assert parameters.eq
    assert "__slots__" in vars(noun)
    assert all(item.kw_only for item in dataclasses.fields(noun))


def test_a_member_is_found_by_its_name():
    """None where nobody has it."""
    inventory = Inventory(members=(member("a"), member("b")))

    assert inventory.named("b") == member("b")
    assert inventory.named("c") is None


def test_access_shows_no_certificate():
    """A representation in a log names the server and nothing that fills the page."""
    shown = repr(Access(provider="gke", server="https://192.0.2.1", ca_data="PEM"))

    assert "https://192.0.2.1" in shown
    assert "PEM" not in shown


def test_an_object_in_a_member_says_what_it_is():
    """Reference, uid and version come from its metadata; what is only desired has neither."""
    meta = {"namespace": "shop", "name": "web", "uid": "u", "resourceVersion": "7"}
    held = MemberObject(cluster="a", manifest={"kind": "Service", "metadata": meta})
    wanted = MemberObject(
        cluster="a", manifest={"kind": "Service", "metadata": {"namespace": "shop", "name": "web"}}
    )

    assert held.ref == wanted.ref == ObjectRef(kind="Service", namespace="shop", name="web")
    assert (held.uid, held.resource_version) == ("u", "7")
    assert (wanted.uid, wanted.resource_version) == ("", "")


THOROUGH = {
    work.RESYNC: True,
    work.REPAIR: True,
    work.FORCE: True,
    work.DUE: False,
    "ingress.changed": False,
    "": False,
}


@pytest.mark.parametrize("cause", THOROUGH)
def test_resyncs_and_repairs_look_at_the_clouds_even_when_nothing_changed(cause):
    """News of our own inputs does not need to."""
    asked = Work(concern="dns", unit="cloud-dns:p/z", cause=cause)

    assert asked.thorough is THOROUGH[cause]


def test_every_error_that_crosses_a_port_has_one_root():
    """A concern that catches the root catches them all."""
    found = {
        name: each
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, Exception)
    }

    assert len(found) == 12
    assert all(issubclass(each, FederationError) for each in found.values())


def test_unavailable_says_when_to_come_back():
    """Five seconds where the other side did not say."""
    assert Unavailable("down").after_seconds == 5.0
    assert Unavailable("busy", after_seconds=60).after_seconds == 60
    assert str(Unavailable("down")) == "down"


@pytest.mark.parametrize(
    ("reasons", "kept"),
    [("one", ("one",)), (["one", "two"], ("one", "two")), (iter("ab"), ("a", "b"))],
)
def test_invalid_keeps_every_reason(reasons, kept):
    """A single sentence is one reason and not its letters."""
    error = Invalid(reasons)

    assert error.reasons == kept
    assert str(error) == "; ".join(kept)


def test_paths_and_units_are_spelled_as_the_clouds_spell_them():
    """Source: compute v1's partial URLs; a zone's unit names provider, project and zone."""
    zone = ZoneRef(provider="cloud-dns", project="p", name="z", domain="a.com")

    assert NegRef(project="p", zone="eu-1", name="n").path == (
        "projects/p/zones/eu-1/networkEndpointGroups/n"
    )
    assert zone.unit == "cloud-dns:p/z"


def test_every_kind_has_its_stage_and_nothing_refers_upwards():
    """Addresses and checks before services, services before maps, then proxy and rule."""
    stages = [kind.stage for kind in Kind]

    assert stages == sorted(stages)
    assert Kind.HEALTH_CHECK.stage < Kind.BACKEND_SERVICE.stage < Kind.URL_MAP.stage
    assert Kind.URL_MAP.stage < Kind.TARGET_HTTP_PROXY.stage < Kind.FORWARDING_RULE.stage
