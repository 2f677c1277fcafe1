"""
The rights of each function on Google Cloud, against the calls that our adapters make.

The adapters are driven through all that they can do, on the local cloud, which refuses whoever
lacks a right; what they called is what may be granted, and nothing more.
"""

import json
from dataclasses import replace

import pytest

from fedingress.adapters.gcp.health_checks import GceHealthChecks
from fedingress.adapters.gcp.load_balancers import GceLoadBalancers
from fedingress.adapters.gcp.record_sets import CloudDnsRecordSets
from fedingress.domain.check import CheckConfig
from fedingress.domain.errors import Forbidden
from fedingress.domain.graph import Kind
from localcloud.gcp.errors import GoogleError
from tests.contract import instance_groups_suite as nodes
from tests.contract import load_balancers_lab as graph
from tests.contract.local_gcp import running_cloud, use_metadata
from tests.contract.record_sets_suite import ZONE, record
from tests.contract.test_load_balancers import _LocalCloud
from tests.deploy import terraform
from tests.deploy.google_rights import needed

CHECK = CheckConfig(kind="HTTP", port=80, path="/ok")
GRANTED = json.loads((terraform.FOLDER / "permissions.json").read_text(encoding="utf-8"))


@pytest.fixture
def called(monkeypatch, tmp_path):
    """A cloud that notes the methods it is called for, and refuses those beyond *granted*."""
    with running_cloud(graph.PROJECT) as running:
        use_metadata(monkeypatch, running.metadata, str(tmp_path))
        seen = Called(running)
        monkeypatch.setattr(type(running.cloud.access), "check", seen.check)
        yield seen


class Called:
    """The methods that were called, and who may call."""

    def __init__(self, running):
        self.running = running
        self.methods = set()
        self.granted = frozenset()

    def check(self, method, resource, _authorization):
        """In place of the local cloud's own check."""
        self.methods.add(method)
        missing = needed(method) - self.granted
        if missing:
            raise GoogleError(403, "forbidden", f"{resource} needs {', '.join(sorted(missing))}")

    def needed(self):
        """What all the calls together need."""
        return set().union(*map(needed, self.methods))


class Noted:
    """An adapter, and which of its methods were called; those that nobody drives are told."""

    def __init__(self, adapter):
        self._adapter = adapter
        self._missing = {
            name
            for name, member in vars(type(adapter)).items()
            if callable(member) and name[0] != "_"
        }

    def __getattr__(self, name):
        self._missing.discard(name)
        return getattr(self._adapter, name)

    def left_out(self):
        """Its methods that were not called."""
        return self._missing


def build_and_change_all(lab):
    """Each kind of resource created, observed, changed in each way, asked for, and deleted."""
    lab.cloud.add_neg(graph.ZONES[0], "n-1", 1, 1)
    lab.port.groups(graph.PROJECT, "n-")
    made = lab.build(graph.neg("n-1"))
    lab.port.health(made[Kind.BACKEND_SERVICE], [graph.neg("n-1")])
    lead_to_nodes(lab)
    change(lab, graph.health_check(checkIntervalSec=20))
    change(lab, graph.service(graph.neg("n-1"), timeoutSec=20))
    lab.cloud.put(Kind.SECURITY_POLICY, "armor", {"type": "CLOUD_ARMOR"})
    lab.port.observe(graph.PROJECT, [Kind.SECURITY_POLICY], "armor")
    armor = f"projects/{graph.PROJECT}/global/securityPolicies/armor"
    change(lab, graph.service(graph.neg("n-1"), timeoutSec=20, securityPolicy=armor))
    change(lab, graph.url_map(host="other.example.com"))
    change(lab, graph.firewall(sourceRanges=["35.191.0.0/16"]))
    for item in (graph.url_map(name="um-2"), graph.proxy("um-2", "tp-2")):
        lab.create(item)
    change(lab, graph.proxy("um-2"))
    rule = made[Kind.FORWARDING_RULE]
    wish = graph.rule(str(rule.spec["IPAddress"]), "tp-2")
    change(lab, wish)
    theirs = replace(wish, name=f"{wish.name}-2", spec={**wish.spec, "portRange": "8080-8080"})
    lab.cloud.put(Kind.FORWARDING_RULE, theirs.name, theirs.spec)
    change(lab, theirs)
    for item in (graph.certificate("one"), graph.certificate("two"), graph.ssl_policy()):
        lab.create(item)
    change(lab, graph.ssl_policy("TLS_1_1"))
    lab.create(graph.https_proxy("one"))
    change(lab, graph.https_proxy("two"))
    change(lab, graph.https_proxy("two", target="um-2"))
    change(lab, graph.https_proxy("two", target="um-2", sslPolicy=graph.ssl_policy().path))
    mapped = "//certificatemanager.googleapis.com/projects/lab/locations/global/certificateMaps/m"
    secure = {"sslPolicy": graph.ssl_policy().path, "certificateMap": mapped}
    change(lab, graph.https_proxy("two", target="um-2", **secure))
    for kind in [kind for kind in reversed(Kind) if kind is not Kind.INSTANCE_GROUP]:
        for item in lab.port.observe(graph.PROJECT, [kind], graph.PREFIX):
            lab.delete(item)


def lead_to_nodes(lab):
    """A group of nodes gets the name of a port, and is what a backend service leads to."""
    ref = nodes.REF
    lab.cloud.add_instance_group(ref.zone, ref.name, nodes.PORT, nodes=1, healthy=1)
    nodes.named(lab, nodes.seen(lab), nodes.OURS)
    lab.delete(lab.create(nodes.leading(nodes.by_rate(), name="bs-nodes")))


def change(lab, desired):
    """Update a resource that stands."""
    lab.update(lab.see(desired), desired)


def test_backends_may_do_what_it_does_and_no_more(called):
    """All collections, all verbs: what is called is granted, what is granted is called for."""
    called.granted = frozenset(GRANTED["backends"])
    port = Noted(GceLoadBalancers(called.running.endpoint))

    build_and_change_all(graph.Lab(port=port, cloud=_LocalCloud(called.running)))

    assert port.left_out() == set()
    assert called.needed() == called.granted
    assert len(GRANTED["backends"]) == len(called.granted)


@pytest.mark.parametrize("right", ["compute.healthChecks.useReadOnly", "compute.urlMaps.use"])
def test_a_right_that_is_missing_is_noticed(called, right):
    """The graph cannot be built without each of them."""
    called.granted = frozenset(GRANTED["backends"]) - {right}
    lab = graph.Lab(
        port=GceLoadBalancers(called.running.endpoint), cloud=_LocalCloud(called.running)
    )

    with pytest.raises(Forbidden, match=right):
        lab.build()


def test_dns_may_do_what_it_does_and_no_more(called):
    """A zone is looked up and listed, records come, change and go, and so do health checks."""
    called.granted = frozenset(GRANTED["dns"])
    called.running.do(
        lambda: called.running.cloud.create_zone(ZONE.project, ZONE.name, f"{ZONE.domain}.")
    )
    port = Noted(CloudDnsRecordSets(called.running.endpoint))
    first, second = record(ttl=60), record(ttl=300)

    assert port.domain(ZONE) == ZONE.domain
    port.change(ZONE, deletions=[], additions=[first], guard=graph.GUARD)
    port.change(ZONE, deletions=[first], additions=[second], guard=graph.GUARD)
    assert second in port.list(ZONE)
    assert second in port.find(ZONE, [second.name])
    last = called.running.do(
        lambda: called.running.cloud.zones[ZONE.project, ZONE.name].changes[-1].id
    )
    assert port.done(ZONE, last)
    port.change(ZONE, deletions=[second], additions=[], guard=graph.GUARD)
    checks = Noted(GceHealthChecks(called.running.endpoint, "me"))
    reference = f"projects/{ZONE.project}/global/healthChecks/fi-1"
    made = checks.create(reference, CHECK, graph.GUARD)
    changed = checks.update(made, replace(CHECK, threshold=5), graph.GUARD)
    assert checks.list(reference) == [changed]
    assert checks.states([changed.id]) == {}
    checks.delete(changed, graph.GUARD)

    assert checks.left_out() == set()
    assert port.left_out() == set()
    assert called.needed() == called.granted
