"""Record sets, checks and targets: what makes them one, and how they are told."""

from fedingress.domain.check import Check, CheckConfig
from fedingress.domain.record import Alias, RecordSet
from fedingress.domain.target import Target


def test_a_record_set_tells_what_it_says_and_no_more():
    """Empty fields would only hide the others."""
    plain = RecordSet(name="a.example.com", type="A", ttl_seconds=60, values=("203.0.113.1",))

    assert plain.label == "A a.example.com"
    assert plain.as_json() == {
        "name": "a.example.com",
        "type": "A",
        "ttl_seconds": 60,
        "values": ["203.0.113.1"],
    }


def test_a_choice_is_told_with_its_weight_and_where_it_leads():
    """A weight of 0 says something: it stands by."""
    choice = RecordSet(
        name="p.example.com",
        type="A",
        ttl_seconds=0,
        set_identifier="eks-us",
        weight=0,
        alias=Alias(name="lb.example.net", hosted_zone="Z1", evaluate=False),
        health_check="h1",
    )

    assert choice.label == "A p.example.com eks-us"
    assert choice.identity == ("p.example.com", "A", "eks-us")
    assert choice.as_json() == {
        "name": "p.example.com",
        "type": "A",
        "ttl_seconds": 0,
        "values": [],
        "set_identifier": "eks-us",
        "weight": 0,
        "health_check": "h1",
        "alias": {"name": "lb.example.net", "hosted_zone": "Z1", "evaluate": False},
    }


def test_a_check_tells_what_it_looks_at():
    """With what cannot be changed apart."""
    config = CheckConfig(kind="HTTP", address="lb.example.net", path="/ok")
    check = Check(id="h1", reference="fi:1", config=config)

    assert check.label == "HealthCheck HTTP lb.example.net/ok"
    assert check.as_json()["forced_down"] is False
    assert config.fixed == ("HTTP", "lb.example.net", 30)


def test_a_target_comes_back_as_it_was_kept_even_by_a_newer_version():
    """Fields that are not known are left out."""
    target = Target(cluster="eks-us", region="us-east-1", address="lb.example.net", ready=0.5)

    assert Target.decode(target.encode() | {"colour": "blue"}) == target
