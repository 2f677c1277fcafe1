"""
From a user's edit to its effect in a member, in each home, as it is run on this machine.

One Ingress is edited again and again; the effect is the edit in the copy of a member, read by the
official client. How the time is spent is what the functions' own lines tell of the same runs. A
home that cannot be brought up here is left out, and that is printed.
"""

import json
import statistics
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from localcloud.homes import HOMES, HomeError
from localcloud.world.spec import WorldSpec, members_from
from tests.bench.figures import Figure
from tests.e2e.manifests import NAMESPACE, ingress
from tests.e2e.site import CONFIG, Site, open_site
from tests.e2e.waiting import until

PHASES: Final = ("bus", "queue", "observe", "decide", "act")
_MEMBER: Final = "gke-us"
_SECONDS: Final = 180.0


def measure(edits: int = 30, homes: Sequence[str] = HOMES) -> list[Figure]:
    """The figures of every home that can be brought up; *edits* count after one that does not."""
    found: list[Figure] = []
    for home in homes:
        spec = WorldSpec(
            members=members_from("gke-us,gke-eu"),
            operation_seconds=0.05,
            functions=("fedingress", "serve"),
            home=home,
        )
        try:
            with open_site(spec) as site:
                found += _home(home, site, edits)
        except HomeError as error:
            print(f"events: {home} is left out: {error}", file=sys.stderr)
    return found


def _home(home: str, site: Site, edits: int) -> list[Figure]:
    site.furnish()
    site.apply(CONFIG, ingress())
    until("the Ingress to be served", site.is_healthy, seconds=_SECONDS, say=site.conditions)
    _edit(site, 0)
    seen = len(_lines(home, site))
    seconds = [_edit(site, number) for number in range(1, edits + 1)]
    runs = [line for line in _lines(home, site)[seen:] if line.get("outcome") == "settled"]
    figures = _quantiles(f"event.{home}.effect", [each * 1000 for each in seconds])
    for phase in PHASES:
        name = f"{phase}_milliseconds"
        told = [float(line[name]) for line in runs if name in line]
        figures += _quantiles(f"event.{home}.{phase}", told) if len(told) > 1 else []
    return figures


def _edit(site: Site, number: int) -> float:
    """Edit the source; the seconds until a member has it."""
    changed = ingress(labels={"edit": f"e{number}"})
    began = time.perf_counter()
    site.apply(CONFIG, changed)

    def arrived() -> bool:
        copy = site.networking(_MEMBER).read_namespaced_ingress("shop", NAMESPACE)
        return (copy.metadata.labels or {}).get("edit") == f"e{number}"

    until("the edit to reach a member", arrived, seconds=_SECONDS)
    return time.perf_counter() - began


def _lines(home: str, site: Site) -> list[Mapping[str, Any]]:
    """What the runs of fan-out told of themselves so far."""
    texts = _amazon(site) if home == "aws" else _files(site)
    lines = [json.loads(text) for text in texts if text.startswith("{")]
    return [line for line in lines if line.get("concern") == "fanout"]


def _files(site: Site) -> Iterable[str]:
    for path in Path(site.env["FEDINGRESS_LOCAL"]).glob("f*.log"):
        yield from path.read_text(encoding="utf-8").splitlines()


def _amazon(site: Site) -> Iterable[str]:
    home: Any = site.world.world.home
    pages = home.client("logs").get_paginator("filter_log_events")
    for page in pages.paginate(logGroupName="/aws/lambda/fedingress-fanout"):
        for event in page["events"]:
            yield event["message"].strip()


def _quantiles(name: str, found: Sequence[float]) -> list[Figure]:
    p99 = statistics.quantiles(found, n=100, method="inclusive")[98]
    return [
        Figure(name=f"{name}.p50", value=round(statistics.median(found), 1), unit="ms"),
        Figure(name=f"{name}.p99", value=round(p99, 1), unit="ms"),
    ]
