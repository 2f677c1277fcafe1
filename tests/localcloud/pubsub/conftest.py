"""A desk in front of each Pub/Sub, and an inbox for what it pushes."""

import pytest

from tests.localcloud.pubsub.servers import Desk, Inbox, each_server, running

pytest.importorskip("google.pubsub_v1")


@pytest.fixture(scope="module", params=each_server())
def place(request, tmp_path_factory):
    """Each server in turn, once per module."""
    with running(request.param, tmp_path_factory.mktemp("pubsub") / "log") as found:
        yield found


@pytest.fixture
def desk(place):
    """A project of the test's own."""
    made = Desk(place)
    yield made
    made.close()


@pytest.fixture
def inbox():
    """Where pushes arrive."""
    made = Inbox()
    yield made
    made.close()
