"""What stays on the source while a change is refused, and how its members are named."""

from dataclasses import replace

import pytest

from fedingress.planning import status
from tests.planning.shop import source
from tests.planning.test_status import NOW, built, fanned, said, standing


@pytest.mark.parametrize(
    ("shown", "retired", "expected"),
    [
        ("203.0.113.1", False, ("203.0.113.1",)),
        ("203.0.113.9", False, ()),
        ("203.0.113.1", True, ()),
    ],
)
def test_an_address_that_is_shown_outlives_a_change_that_is_refused(shown, retired, expected):
    """Traffic still arrives there; another address, or one that is withdrawn, is not shown."""
    manifest = {**source().manifest, "status": {"loadBalancer": {"ingress": [{"ip": shown}]}}}
    found = standing(
        source=replace(source(), manifest=manifest),
        backends=built(programmed=False, message="refused"),
        retired=retired,
    )

    assert status.decide(found, now=NOW).addresses == expected


def test_a_member_is_named_once():
    """The words of an API server begin with the member's name already."""
    row = {"state": "failed", "reason": "Refused", "message": "a: no such namespace"}
    found = standing(fanout=fanned(clusters={"a": row}))

    assert said(found, "Degraded") == ("True", "Refused", "a: no such namespace")
