"""One door as Google Cloud runs it: a process of functions-framework that answers HTTP."""

import json

import pytest

from tests.doors.home import EVENTS, event, push
from tests.doors.processes import doors
from tests.localcloud.gce import until

pytestmark = pytest.mark.wire
pytest.importorskip("functions_framework")


def test_a_door_in_a_process_serves_pushes(home):
    """The golden push is acknowledged, status follows, and what is no event is refused."""
    home.submit()
    with doors("fanout", environment=home.environment) as running:
        fanout = running["fanout"]

        assert fanout.post((EVENTS / "pubsub_push.json").read_bytes()) == 204
        accepted = until(lambda: home.conditions().get("Accepted"), "a condition")
        assert accepted["status"] == "False"
        assert fanout.post(json.dumps(push(event("dns"))).encode()) == 403
