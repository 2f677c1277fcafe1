"""
What Cloud DNS's name servers answer from a record set with a routing policy.

Each question is answered anew and without memory, from the client's place and the health of the
moment. When every address is unhealthy all count as healthy: no page says what Cloud DNS does then
(except with fencing, where it says just that), and an empty answer would be worse for everybody.

Not modelled: health of internal load balancers (their addresses are never answered).

Source: dns v1 ``RRSetRoutingPolicy`` and Cloud DNS, "DNS routing policies and health checks".
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from localcloud.dataplane.answers import Records
from localcloud.gcp.routing import check_path

Json = Mapping[str, Any]
Healthy = Callable[[str, str], bool]


class Answering:
    """Cloud DNS's name servers, for any number of zones."""

    def __init__(
        self,
        *,
        healthy: Healthy,
        near: Callable[[str, Iterable[str]], Sequence[str]],
        chance: random.Random | None = None,
    ) -> None:
        """
        Answer by what the callables say at each question.

        Args:
            healthy: Whether an endpoint is, by the path of the health check that looks at it.
            near: Locations in order, the nearest to the client at an address first.
            chance: Draws weighted answers and trickles.
        """
        self._healthy = healthy
        self._near = near
        # Not secrets: a stream that a test can repeat.
        self._chance = chance or random.Random()  # noqa: S311

    def choose(self, record_set: Json, client: str) -> Records:
        """Give the records that the client at that address gets of a set with a policy."""
        policy = record_set["routingPolicy"]
        check = check_path(policy)
        if policy.get("wrr"):
            found = self._weighted(policy["wrr"]["items"], check)
        elif policy.get("geo"):
            found = self._located(policy["geo"], check, client)
        else:
            found = self._backed_up(policy["primaryBackup"], check, client)
        return Records(
            ttl=int(record_set.get("ttl", 0)),
            rdatas=tuple(found),
            located=not policy.get("wrr"),
        )

    def _weighted(self, items: Sequence[Json], check: str) -> Sequence[str]:
        """Of a bucket that is drawn by weight, among those that have anybody who is healthy."""
        weighted = [item for item in items if item["weight"] > 0] or items
        live = [item for item in weighted if self._live(item, check)]
        among = live or weighted
        weights = [item["weight"] for item in among]
        drawn = self._chance.choices(among, weights if any(weights) else None)[0]
        return self._live(drawn, check) or _all(drawn)

    def _located(self, geo: Json, check: str, client: str) -> Sequence[str]:
        """Of the nearest bucket; without fencing, of the nearest that has anybody."""
        by_place = {item["location"]: item for item in geo["items"]}
        ordered = [by_place[place] for place in self._near(client, by_place)]
        among = ordered[:1] if geo.get("enableFencing") else ordered
        live = next((found for item in among if (found := self._live(item, check))), None)
        return live or _all(ordered[0])

    def _backed_up(self, body: Json, check: str, client: str) -> Sequence[str]:
        primary = self._live({"healthCheckedTargets": body["primaryTargets"]}, check)
        trickles = self._chance.random() < (body.get("trickleTraffic") or 0)
        if primary and not trickles:
            return primary
        return self._located(body["backupGeoTargets"], check, client)

    def _live(self, item: Json, check: str) -> list[str]:
        """What is not checked, and what is healthy."""
        ends = [each for each in _ends(item) if not check or self._healthy(check, each)]
        return [*(item.get("rrdatas") or ()), *ends]


def _ends(item: Json) -> Sequence[str]:
    return tuple((item.get("healthCheckedTargets") or {}).get("externalEndpoints") or ())


def _all(item: Json) -> Sequence[str]:
    return (*(item.get("rrdatas") or ()), *_ends(item))
