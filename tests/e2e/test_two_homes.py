"""Two whole homes over one store: whatever both do, it is done once."""

import pytest

from tests.e2e.homes import embedded, look_thoroughly, until_quiet
from tests.e2e.manifests import ingress, path
from tests.e2e.site import CONFIG
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]


def test_two_homes_over_one_store_make_one_graph_and_then_write_nothing(site, tmp_path):
    """Both watch, tick and work at once; the graph is there once, and looking again is free."""
    store = tmp_path / "store.sqlite"
    with embedded(site, store) as one, embedded(site, store) as other:
        site.apply(CONFIG, ingress())
        site.until_served()
        site.apply(CONFIG, ingress(path("/", "web"), path("/v2", "api")))
        until("generation 2", lambda: _generation(site) == 2)
        site.until_served()
        for home in (one, other):
            look_thoroughly(home)
        counts = {
            name: len(site.listed(name))
            for name in ("GlobalForwardingRules", "TargetHttpProxies", "UrlMaps", "BackendServices")
        }
        for home in (one, other):
            until_quiet(home, site)

        assert counts == {
            "GlobalForwardingRules": 1,
            "TargetHttpProxies": 1,
            "UrlMaps": 1,
            "BackendServices": 2,
        }
        assert {row["reason"] for row in site.table().values()} == {"Applied", "TopologyMismatch"}
        site.withdraw()


def _generation(site) -> int:
    """The generation that every condition is about; 0 while they differ."""
    told = {item["observedGeneration"] for item in site.conditions().values()}
    return told.pop() if len(told) == 1 else 0
