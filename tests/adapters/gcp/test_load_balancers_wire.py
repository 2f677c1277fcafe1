"""What goes over the wire to GCE, and what happens when it misbehaves."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from fedingress.adapters.gcp.load_balancers import GceLoadBalancers, request_id
from fedingress.domain.errors import Conflict, Forbidden, Invalid, LeaseLost, Unavailable
from fedingress.domain.graph import Kind
from fedingress.ports.load_balancers import Operation
from tests.adapters.gcp.scripted import Reply, refusal
from tests.contract.load_balancers_lab import (
    GUARD,
    MARK,
    PROJECT,
    Fenced,
    address,
    backend,
    firewall,
    health_check,
    neg,
    service,
    url_map,
)

PENDING = Reply(body={"name": "op-1", "status": "PENDING"})
DONE = Reply(body={"name": "op-1", "status": "DONE"})
OPERATION = Operation(project=PROJECT, name="op-1", label="lab: addresses vip")


def test_lists_are_filtered_and_paged(script, gce):
    """The filter names the prefix, and every page is read."""
    pages = [
        Reply(body={"items": [{"name": "fedingress-a"}], "nextPageToken": "p2"}),
        Reply(body={"items": [{"name": "fedingress-b"}]}),
    ]
    script.then(*pages)

    found = gce.observe(PROJECT, [Kind.URL_MAP], "fedingress-")

    assert [item.name for item in found] == ["fedingress-a", "fedingress-b"]
    assert "filter=name+eq+%22fedingress-.%2A%22" in script.requests[0].path
    assert "pageToken=p2" in script.requests[1].path


def test_large_numbers_are_numbers(script, gce):
    """64-bit integers come as strings in JSON, and stay strings where they are words."""
    body = {
        "name": "fedingress-a",
        "defaultRouteAction": {"timeout": {"seconds": "3", "nanos": 5}},
        "hostRules": [{"hosts": ["1"], "pathMatcher": "m"}],
    }
    script.then(Reply(body={"items": [body]}))

    (found,) = gce.observe(PROJECT, [Kind.URL_MAP], "fedingress-")

    assert found.spec["defaultRouteAction"] == {"timeout": {"seconds": 3, "nanos": 5}}
    assert found.spec["hostRules"][0]["hosts"] == ["1"]


def test_rates_go_out_as_they_are_written(script, gce):
    """Single precision shows neither in what is sent nor in how often."""
    script.then(PENDING)

    gce.create(service(backends=[backend(neg("n-1"), capacityScaler=0.1)]), GUARD)

    (sent,) = script.requests[0].body["backends"]
    assert sent["maxRatePerEndpoint"] == 1e14
    assert sent["capacityScaler"] == 0.1
    assert json.loads(script.requests[0].body["description"])["fedingress.dev"]["uid"] == MARK.uid


def test_a_repeated_create_repeats_its_request_id(script, gce):
    """A retry after a lost reply finds the operation of the first try."""
    script.then(Reply(lost=True), PENDING)

    with pytest.raises(Unavailable):
        gce.create(address(), GUARD)
    gce.create(address(), GUARD)

    first, second = (_ids(each) for each in script.requests)
    assert first == second != []


def test_request_ids_differ_by_wish():
    """Owner, name, spec and incarnation each make another id."""
    ids = {
        request_id(address(), "1"),
        request_id(address(), "2"),
        request_id(address("other"), "1"),
        request_id(health_check(), "1"),
        request_id(health_check(timeoutSec=3), "1"),
    }

    assert len(ids) == 5


def test_an_echo_of_an_old_create_is_not_believed(script, gce):
    """An operation that is over without a living resource draws another incarnation."""
    script.then(DONE, refusal(404, "notFound"), PENDING)

    operation = gce.create(address(), GUARD)

    assert operation is not None
    assert [request.method for request in script.requests] == ["POST", "GET", "POST"]
    assert _ids(script.requests[0]) != _ids(script.requests[2])


def test_a_create_that_failed_at_once_is_told_by_waiting(script, gce):
    """Its operation carries the sentence; it is not tried again."""
    error = {"errors": [{"code": "QUOTA_EXCEEDED", "message": "Quota 'X' exceeded."}]}
    failed = Reply(body={**DONE.body, "error": error})
    script.then(failed, failed)

    operation = gce.create(address(), GUARD)
    pending, errors = gce.wait([operation], seconds=1)

    assert not pending
    advice = "raise this quota, or delete what is no longer needed"
    assert errors == [f"{address().label}: Quota 'X' exceeded; {advice}"]


def test_an_unknown_field_is_invalid_before_it_is_sent(script, gce):
    """The client knows the API's fields."""
    with pytest.raises(Invalid, match="noSuchField"):
        gce.create(health_check(noSuchField=1), GUARD)

    assert not script.requests


def test_a_quota_is_named(script, gce):
    """The operator must know which one to raise."""
    words = "Quota 'BACKEND_SERVICES' exceeded. Limit: 9.0 globally."
    script.then(refusal(403, "quotaExceeded", words))

    with pytest.raises(Forbidden, match="BACKEND_SERVICES"):
        gce.create(service(), GUARD)


def test_a_throttled_call_comes_back_when_told(script, gce):
    """Retry-After decides."""
    script.then(refusal(429, "rateLimitExceeded", **{"Retry-After": "7"}))

    with pytest.raises(Unavailable) as caught:
        gce.observe(PROJECT, [Kind.ADDRESS], "x")

    assert caught.value.after_seconds == 7


def test_missing_credentials_are_told(monkeypatch, tmp_path):
    """The sentence speaks of the default credentials."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "absent.json"))

    with pytest.raises(Forbidden, match="default credentials"):
        GceLoadBalancers("http://127.0.0.1:9").observe(PROJECT, [Kind.ADDRESS], "x")


def test_a_whole_is_put_with_its_fingerprint(script, gce):
    """What the spec does not name is sent back as it was read."""
    now = {
        "name": service().name,
        "id": "7",
        "fingerprint": "abc=",
        "description": MARK.encode(),
        "sessionAffinity": "CLIENT_IP",
        **service(neg("n-1")).spec,
    }
    script.then(Reply(body={"items": [now]}), Reply(body=now), PENDING)
    (observed,) = gce.observe(PROJECT, [Kind.BACKEND_SERVICE], service().name)

    gce.update(observed, service(), GUARD)

    put = script.requests[-1]
    assert put.method == "PUT"
    assert "backends" not in put.body
    assert "id" not in put.body
    assert (put.body["fingerprint"], put.body["sessionAffinity"]) == ("abc=", "CLIENT_IP")


def test_a_url_map_is_put_with_its_fingerprint(script, gce):
    """Hosts and paths are never left to a merge."""
    now = {"name": url_map().name, "id": "7", "fingerprint": "abc=", **url_map().spec}
    now |= {"description": MARK.encode()}
    script.then(Reply(body={"items": [now]}), Reply(body=now), PENDING)
    (observed,) = gce.observe(PROJECT, [Kind.URL_MAP], url_map().name)

    gce.update(observed, url_map("new.example.com"), GUARD)

    put = script.requests[-1]
    assert (put.method, put.body["fingerprint"]) == ("PUT", "abc=")
    assert put.body["hostRules"][0]["hosts"] == ["new.example.com"]
    assert put.body["pathMatchers"] == now["pathMatchers"]


def test_health_is_asked_of_attached_negs_only(script, gce):
    """One request for the NEG that the backend service names, none for the other."""
    states = [{"healthState": "HEALTHY"}, {"healthState": "UNHEALTHY"}, {"healthState": "DRAINING"}]
    script.then(Reply(body={"healthStatus": states}))

    (found,) = gce.health(service(neg("n-1")), [neg("n-1"), neg("n-2")])

    assert (found.neg, found.endpoints, found.healthy) == (neg("n-1"), 3, 1)
    assert len(script.requests) == 1
    assert script.requests[0].body["group"].endswith(neg("n-1").path)


def test_unknown_health_is_left_out(script, gce):
    """A NEG that the load balancer does not know has no numbers; no answer is an error."""
    wanted = service(neg("n-1"))
    script.then(refusal(404, "notFound"), refusal(503, "backendError"))

    assert gce.health(wanted, [neg("n-1")]) == []
    with pytest.raises(Unavailable):
        gce.health(wanted, [neg("n-1")])


def test_a_part_is_patched_with_its_fingerprint(script, gce):
    """Only what differs is sent, and Google's 412 is a conflict."""
    now = {"name": service().name, "id": "7", "fingerprint": "abc=", **service().spec}
    now |= {"description": MARK.encode(), "timeoutSec": 99}
    script.then(Reply(body={"items": [now]}), Reply(body=now), refusal(412, "conditionNotMet"))
    (observed,) = gce.observe(PROJECT, [Kind.BACKEND_SERVICE], service().name)

    with pytest.raises(Conflict):
        gce.update(observed, service(), GUARD)

    patch = script.requests[-1]
    assert patch.method == "PATCH"
    assert patch.body == {"timeoutSec": 30, "fingerprint": "abc="}


def test_what_vanishes_between_read_and_write(script, gce):
    """An update of it is a conflict, its deletion is fine."""
    now = {"name": firewall().name, "id": "7", "description": MARK.encode(), **firewall().spec}
    gone = refusal(404, "notFound")
    script.then(Reply(body={"items": [now]}), Reply(body=now), gone, Reply(body=now), gone)
    (observed,) = gce.observe(PROJECT, [Kind.FIREWALL], firewall().name)

    with pytest.raises(Conflict):
        gce.update(observed, firewall(sourceRanges=["10.0.0.0/8"]), GUARD)
    assert gce.delete(observed, GUARD) is None


def test_the_guard_is_asked_after_the_reads(script, gce):
    """The last read must not eat the lease's time unseen: no write follows it."""
    now = {"name": firewall().name, "id": "7", "description": MARK.encode(), **firewall().spec}
    script.then(Reply(body={"items": [now]}), Reply(body=now))
    (observed,) = gce.observe(PROJECT, [Kind.FIREWALL], firewall().name)

    with pytest.raises(LeaseLost):
        gce.delete(observed, Fenced())

    assert [request.method for request in script.requests] == ["GET", "GET"]


def test_waiting_survives_a_bad_moment(script, gce):
    """A 503 while polling leaves the operation pending; a forgotten one is over."""
    script.then(refusal(503, "backendError"), PENDING, DONE)
    assert gce.wait([OPERATION], seconds=5) == ([], [])

    script.then(refusal(404, "notFound"))
    assert gce.wait([OPERATION], seconds=5) == ([], [])


def test_waiting_without_a_budget_looks_once(script, gce):
    """Then it says what is pending."""
    script.then(PENDING)
    started = time.monotonic()

    assert gce.wait([OPERATION], seconds=-3) == ([OPERATION], [])
    assert time.monotonic() - started < 60


def test_refused_polling_is_told(script, gce):
    """Waiting for what may not be read would never end."""
    script.then(refusal(403, "forbidden"))

    with pytest.raises(Forbidden):
        gce.wait([OPERATION], seconds=5)


def test_many_threads_share_one_adapter(script, gce):
    """Clients are made once, and every answer arrives where it was asked for."""
    script.then(*[Reply(body={"items": [{"name": "fedingress-a"}]})] * 24)

    with ThreadPoolExecutor(max_workers=8) as pool:
        found = list(pool.map(lambda _: gce.observe(PROJECT, [Kind.ADDRESS], "f"), range(24)))

    assert [item.name for items in found for item in items] == ["fedingress-a"] * 24


def _ids(request) -> list[str]:
    query = request.path.partition("?")[2].split("&")
    return [part.removeprefix("requestId=") for part in query if part.startswith("requestId=")]
