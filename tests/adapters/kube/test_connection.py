"""What a connection makes of an API server's answers, and of its silence."""

import json
import subprocess
import sys
import time

import pytest
import trustme

from fedingress.adapters.kube import connection as connection_module
from fedingress.adapters.kube.clusters import KubeMemberClusters
from fedingress.adapters.kube.connect import to_server
from fedingress.adapters.kube.connection import Timeouts
from fedingress.adapters.kube.errors import excerpt, failure
from fedingress.adapters.kube.resources import INGRESS, SERVICE, TLS_SECRET
from fedingress.domain.cluster import Access, MemberCluster
from fedingress.domain.errors import Conflict, Forbidden, Invalid, LeaseLost, Unavailable
from tests.adapters.kube.running import QUICK, TOKEN, RunningCluster, running_cluster

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def running():
    with running_cluster(history=50) as cluster:
        yield cluster


@pytest.fixture
def cluster(running: RunningCluster):
    yield running
    running.do(running.cluster.faults.clear)
    running.tokens[TOKEN] = None


@pytest.fixture
def connection(cluster: RunningCluster):
    made = cluster.connection()
    yield made
    made.close()


def service(name: str) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80}]},
    }


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_a_sick_server_is_unavailable(cluster, connection, status):
    """Each answer that may pass is Unavailable, and is not hidden by a retry."""
    cluster.fault(status=status)

    with pytest.raises(Unavailable, match=str(status)):
        connection.list(SERVICE, "shop")
    assert connection.list(SERVICE, "shop").resource_version


def test_retry_after_is_honoured(cluster, connection):
    """The seconds that a server asks for reach the caller."""
    cluster.fault(status=429, headers={"Retry-After": "17"})

    with pytest.raises(Unavailable) as caught:
        connection.list(SERVICE, "shop")
    assert caught.value.after_seconds == 17


def test_a_slow_server_is_given_up_in_time(cluster):
    """A call ends within its timeouts."""
    connection = cluster.connection(timeouts=Timeouts(connect_seconds=1.0, read_seconds=0.3))
    cluster.fault(delay_seconds=30.0)
    began = time.monotonic()

    with pytest.raises(Unavailable):
        connection.get(SERVICE, "shop", "web")
    assert time.monotonic() - began < 20.0
    connection.close()


def test_a_get_survives_a_closed_keep_alive_socket(cluster, connection):
    """A socket that the server closed costs a second GET, not an error."""
    cluster.fault(abort_before=True)

    assert connection.get(SERVICE, "shop", "nothing") is None


def test_a_lost_reply_of_a_write_is_not_repeated(cluster, connection):
    """A write whose reply is lost is Unavailable; it is sent once."""
    cluster.fault(method="PATCH", abort_after=True)
    before = cluster.cluster.calls.total("fedingress")

    with pytest.raises(Unavailable):
        connection.apply(SERVICE.path("shop", "lost"), service("lost"), manager="tests")
    assert cluster.cluster.calls.total("fedingress") == before + 1
    assert cluster.get("Service", "shop", "lost") is not None


def test_a_refused_connection_is_unavailable():
    """Nobody listens: Unavailable, naming the cluster."""
    nobody = to_server(
        "https://127.0.0.1:1",
        name="gke-eu",
        ca_data="",
        credentials=lambda fresh: "",
        concern="tests",
        timeouts=QUICK,
    )
    with pytest.raises(Unavailable, match="gke-eu"):
        nobody.get(SERVICE, "shop", "web")


def test_another_authority_is_not_trusted(cluster):
    """A certificate that the member's own CA has not signed ends the call."""
    stranger = trustme.CA().cert_pem.bytes().decode()
    connection = to_server(
        cluster.url,
        name="gke-us",
        ca_data=stranger,
        credentials=lambda fresh: f"Bearer {TOKEN}",
        concern="tests",
        timeouts=QUICK,
    )
    with pytest.raises(Unavailable, match="certificate"):
        connection.get(SERVICE, "shop", "web")
    connection.close()


@pytest.mark.parametrize("server", ["http://127.0.0.1:8080", "ftp://x", "file:///etc/passwd", ""])
def test_only_https_is_spoken(server):
    """A token is never sent in the clear."""
    with pytest.raises(Invalid, match="https"):
        to_server(server, name="x", ca_data="", credentials=lambda fresh: "", concern="tests")


def test_no_proxy_of_the_environment_is_used(cluster, monkeypatch):
    """Proxy variables do not divert tokens."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    connection = cluster.connection()

    assert connection.get(SERVICE, "shop", "nothing") is None
    connection.close()


def test_a_stale_token_is_read_again_once(cluster):
    """401 leads to one look at the Secret and one more try."""
    told = []

    def read(secret):
        told.append(secret)
        return "stale" if len(told) == 1 else TOKEN

    port = KubeMemberClusters(read, concern="fanout", timeouts=QUICK)
    assert port.list(cluster.member(), "Service", "nothing") == []
    assert told == ["fedingress-inventory/gke-us-token"] * 2
    port.list(cluster.member(), "Service", "shop")
    assert len(told) == 2
    port.close()


def test_a_token_that_stays_wrong_is_forbidden(cluster):
    """401 twice is Forbidden and names the member; the token is in no text."""
    port = KubeMemberClusters(lambda secret: "wrong-token", concern="fanout", timeouts=QUICK)

    with pytest.raises(Forbidden, match="gke-us") as caught:
        port.list(cluster.member(), "Service", "shop")
    assert "wrong-token" not in str(caught.value) + repr(port.connection(cluster.member()))
    port.close()


@pytest.mark.parametrize(
    ("provider", "server"),
    [("eks", "https://127.0.0.1:1"), ("fedingress-token", "http://127.0.0.1:1")],
)
def test_a_member_that_cannot_be_reached_by_us_is_unavailable(provider, server):
    """A profile we cannot use keeps its member out, not the others."""
    port = KubeMemberClusters(lambda secret: TOKEN, concern="fanout")
    access = Access(provider=provider, server=server, token_secret="a/b")

    with pytest.raises(Unavailable, match="eks-us"):
        port.list(MemberCluster(name="eks-us", access=access), "Service", "shop")
    with pytest.raises(Unavailable, match="eks-us"):
        port.list(MemberCluster(name="eks-us", access=None), "Service", "shop")


def test_a_changed_access_gets_a_new_connection(cluster):
    """A member that moved is reached at its new place at once."""
    port = KubeMemberClusters(lambda secret: TOKEN, concern="fanout", timeouts=QUICK)
    member = cluster.member()
    first = port.connection(member)
    assert port.connection(member) is first

    moved = MemberCluster(
        name=member.name, access=Access(provider="fedingress-token", server="https://127.0.0.1:1")
    )
    assert port.connection(moved) is not first
    port.close()


def test_long_lists_come_in_pages(cluster, connection, monkeypatch):
    """Every page is read, and each object once."""
    monkeypatch.setattr(connection_module, "PAGE", 3)
    names = [f"page-{number}" for number in range(8)]
    for name in names:
        cluster.put(service(name))

    found = [item["metadata"]["name"] for item in connection.list(SERVICE, "shop").items]
    assert [name for name in found if name.startswith("page-")] == names


def test_an_expired_page_begins_the_list_again(cluster, connection, monkeypatch):
    """410 for a continue token restarts the list once; it never ends it early."""
    monkeypatch.setattr(connection_module, "PAGE", 2)
    for number in range(5):
        cluster.put(service(f"again-{number}"))
    cluster.fault(path="continue=", status=410)

    found = [item["metadata"]["name"] for item in connection.list(SERVICE, "shop").items]
    assert [name for name in found if name.startswith("again-")] == [
        f"again-{number}" for number in range(5)
    ]

    cluster.fault(path="continue=", status=410, times=2)
    with pytest.raises(Unavailable):
        connection.list(SERVICE, "shop")


def test_names_cannot_leave_their_place_in_the_path():
    """Slashes and dots of hostile names are escaped."""
    assert INGRESS.path("a/../b", "x?y") == (
        "/apis/networking.k8s.io/v1/namespaces/a%2F..%2Fb/ingresses/x%3Fy"
    )


def test_calls_are_known_by_their_user_agent(cluster, connection):
    """API servers see who calls, and for which concern."""
    before = cluster.cluster.calls.total("fedingress")
    connection.apply(SERVICE.path("shop", "agent"), service("agent"), manager="tests")

    assert cluster.cluster.calls.total("fedingress") == before + 1


def test_hostile_words_are_escaped_and_cut():
    """Texts of servers are one line of at most 256 characters."""
    assert excerpt("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert len(excerpt("x" * 5000)) == 256


def test_what_an_admission_policy_says_is_not_cut_for_its_name():
    """Its sentence comes first, the names that Kubernetes puts before it come last."""
    policy = f"ValidatingAdmissionPolicy '{'p' * 100}'"
    told = f"{policy} with binding '{'b' * 100}' denied request: do x"
    body = {"kind": "Status", "details": {"causes": [{"message": told}]}}
    error = failure(
        where="c", verb="patch", path="/x", status=422, headers={}, body=json.dumps(body).encode()
    )

    assert str(error) == f"do x ({policy})"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(301, Unavailable), (400, Invalid), (404, Conflict), (409, Conflict), (415, Invalid)],
)
def test_answers_without_a_status_object_are_understood(status, kind):
    """A load balancer in front of the API server may answer in HTML."""
    error = failure(
        where="gke-us", verb="get", path="/x", status=status, headers={}, body=b"<html>oops</html>"
    )
    assert isinstance(error, kind)


def test_the_client_library_is_loaded_when_it_is_needed():
    """Importing the adapter costs no SDK: functions that look at no cluster do not pay for it."""
    code = (
        "import sys; import fedingress.adapters.kube.clusters, fedingress.adapters.kube.sources;"
        "print(sorted({'kubernetes', 'urllib3', 'google.auth'} & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "[]"


def test_many_threads_share_one_connection(cluster, connection):
    """Thirty calls at once all succeed over the shared sockets."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(15) as pool:
        answers = list(pool.map(lambda _: connection.get(SERVICE, "shop", "nothing"), range(30)))

    assert answers == [None] * 30


@pytest.mark.parametrize("token", ["two\nlines", "naïve", "nul\x00"])
def test_a_token_that_is_no_header_stays_secret(cluster, token):
    """Libraries repeat a bad header in their errors; we refuse it before, without its text."""
    connection = cluster.connection(token=token)

    with pytest.raises(Forbidden) as caught:
        connection.get(SERVICE, "shop", "web")
    assert token not in str(caught.value)
    connection.close()


def test_the_lease_is_looked_at_after_the_token_was_fetched(cluster):
    """Fetching a token takes time too: a lease that ran out meanwhile keeps the write back."""
    order = []

    def read(secret):
        order.append("token")
        return "stale" if order.count("token") == 1 else TOKEN

    class Lease:
        def check(self, call_timeout_seconds):
            order.append("lease")
            if order.count("lease") == 2:
                raise LeaseLost("over")

        def remaining_seconds(self):
            return 1.0

    port = KubeMemberClusters(read, concern="fanout", timeouts=QUICK)
    with pytest.raises(LeaseLost):
        port.apply(cluster.member(), service("late"), observed=None, guard=Lease())

    assert order == ["token", "lease", "token", "lease"]
    assert cluster.get("Service", "shop", "late") is None
    port.close()


def test_of_secrets_with_certificates_only_metadata_is_asked_for(cluster, connection):
    """Neither a list nor a watch brings a key, and other Secrets are not listed at all."""
    for name, kind in (("web", "kubernetes.io/tls"), ("token", "Opaque")):
        meta = {"namespace": "shop", "name": name}
        data = {"tls.key": "a2V5", "tls.crt": "Y3J0"}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": meta,
            "type": kind,
            "data": data,
        }
        cluster.put(secret)
    (found,) = connection.list(TLS_SECRET).items
    query = {"watch": "true", "resourceVersion": "0", "fieldSelector": TLS_SECRET.fields}
    stream = connection.stream(
        TLS_SECRET.path(), query, silence_seconds=5.0, metadata_only=TLS_SECRET.metadata_only
    )
    first = stream.read1(65536)
    stream.close()

    assert found["metadata"]["name"] == "web"
    assert set(found) == {"kind", "apiVersion", "metadata"}
    assert b"PartialObjectMetadata" in first
    assert b"a2V5" not in first
    assert b"token" not in first
