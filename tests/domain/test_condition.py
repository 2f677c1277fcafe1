"""Conditions and rows, as they stand in annotations."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedingress.domain.condition import ClusterRow, Condition

conditions = st.builds(
    Condition,
    type=st.text(),
    status=st.sampled_from(["True", "False", "Unknown"]),
    reason=st.text(),
    message=st.text(),
    observed_generation=st.integers(0),
    since=st.text(),
)


@given(conditions)
def test_a_condition_survives_json(condition):
    """decode(encode(x)) is x."""
    assert Condition.decode(json.loads(json.dumps(condition.encode()))) == condition


@given(conditions)
def test_a_condition_is_spelled_as_kubernetes_spells_it(condition):
    """Source: metav1.Condition of the Kubernetes API conventions."""
    assert set(condition.encode()) == {
        *("type", "status", "reason", "message"),
        *("observedGeneration", "lastTransitionTime"),
    }


def test_message_and_time_may_be_missing():
    """Everything else may not."""
    body = {"type": "Accepted", "status": "True", "reason": "R", "observedGeneration": 2}

    assert Condition.decode(body) == Condition(
        type="Accepted", status="True", reason="R", message="", observed_generation=2
    )
    for name in body:
        with pytest.raises(KeyError, match=name):
            Condition.decode({key: value for key, value in body.items() if key != name})


@given(conditions, st.text(), st.text(), st.integers(0))
def test_only_type_status_and_reason_are_worth_an_event(condition, message, since, generation):
    """Another message, time or generation says the same."""
    other = Condition(
        type=condition.type,
        status=condition.status,
        reason=condition.reason,
        message=message,
        observed_generation=generation,
        since=since,
    )

    assert other.says() == condition.says() == (condition.type, condition.status, condition.reason)


def test_a_row_is_json_under_its_members_name():
    """The name is the key of the table, so the row leaves it out."""
    row = ClusterRow(
        cluster="a",
        state="placed",
        reason="Applied",
        message="well",
        endpoints=2,
        healthy=1,
        capacity=0.5,
        drained=True,
        addresses=("192.0.2.1",),
    )

    assert json.loads(json.dumps(row.encode())) == {
        "state": "placed",
        "reason": "Applied",
        "message": "well",
        "endpoints": 2,
        "healthy": 1,
        "capacity": 0.5,
        "drained": True,
        "addresses": ["192.0.2.1"],
    }
