"""What both of Google's clients share: their cost, who they say they are, and silence."""

import subprocess
import sys
import time

import pytest

from fedingress.adapters.gcp.load_balancers import GceLoadBalancers
from fedingress.adapters.gcp.record_sets import CloudDnsRecordSets
from fedingress.domain.errors import Unavailable
from fedingress.domain.graph import Kind
from tests.adapters.gcp.scripted import Reply
from tests.contract.load_balancers_lab import GUARD, PROJECT, address
from tests.contract.record_sets_suite import ZONE


def test_importing_the_package_imports_no_client():
    """A function that never asks Google pays nothing for its clients."""
    code = (
        "import sys, fedingress.adapters.gcp.load_balancers, fedingress.adapters.gcp.record_sets;"
        "import fedingress.adapters.gcp.records;"
        "from fedingress.adapters.gcp.load_balancers import GceLoadBalancers as L;"
        "from fedingress.adapters.gcp.record_sets import CloudDnsRecordSets as R;"
        "L(None); R(None);"
        "clients = {'google', 'googleapiclient', 'httplib2', 'requests', 'grpc'};"
        "loaded = {n for n, m in sys.modules.items() if getattr(m, '__file__', None)};"
        "print([name for name in loaded if name.partition('.')[0] in clients])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_requests_say_who_asks(script, gce, dns):
    """Token and User-Agent, from both clients."""
    script.then(Reply(body={"items": []}), Reply(body={"dnsName": "example.com."}))

    gce.observe(PROJECT, [Kind.ADDRESS], "fedingress-")
    dns.domain(ZONE)

    for request in script.requests:
        headers = {key.lower(): value for key, value in request.headers.items()}
        assert headers["user-agent"].startswith("fedingress/")
        assert headers["authorization"] == "Bearer a-token"


def test_nobody_there_is_unavailable(script):
    """A refused connection, from both clients."""
    nowhere = "http://127.0.0.1:9"

    with pytest.raises(Unavailable):
        GceLoadBalancers(nowhere).observe(PROJECT, [Kind.ADDRESS], "x")
    with pytest.raises(Unavailable):
        CloudDnsRecordSets(nowhere).list(ZONE)


def test_a_slow_answer_is_not_waited_for(script):
    """Each call ends within its timeout, from both clients."""
    script.then(Reply(delay_seconds=30), Reply(delay_seconds=30))
    started = time.monotonic()

    with pytest.raises(Unavailable):
        GceLoadBalancers(script.endpoint, call_timeout_seconds=0.2).create(address(), GUARD)
    with pytest.raises(Unavailable):
        CloudDnsRecordSets(script.endpoint, call_timeout_seconds=0.2).domain(ZONE)

    assert time.monotonic() - started < 25
