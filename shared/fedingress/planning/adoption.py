"""
Resources that stand under a name of ours without our mark: left alone, or taken over by consent.

Called by `planning.backends` and `planning.firewall`. Whoever consents says the word that was told
with the diff. It holds a digest of the diff, so that what is done is what was shown, also after the
store was lost.

Source: compute v1: firewalls, health checks, backend services, URL maps and SSL policies take
another description, where our mark stands; forwarding rules take labels, which say the same
(`globalForwardingRules.setLabels`). Target proxies and certificates have neither.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from fedingress.domain import names
from fedingress.domain.change import Update
from fedingress.domain.graph import GlobalResource, Kind, Mark
from fedingress.planning.diff import differing, fingerprint
from fedingress.planning.groups import Problem

_MARKABLE: Final = frozenset(
    {Kind.FIREWALL, Kind.HEALTH_CHECK, Kind.BACKEND_SERVICE, Kind.URL_MAP, Kind.SSL_POLICY}
)
_FIXED: Final = frozenset({"loadBalancingScheme", "network", "direction"})
_COMMANDS: Final = {
    Kind.TARGET_HTTP_PROXY: "target-http-proxies",
    Kind.TARGET_HTTPS_PROXY: "target-https-proxies",
    Kind.SSL_CERTIFICATE: "ssl-certificates",
    Kind.FORWARDING_RULE: "forwarding-rules",
}
_UNFIT: Final = (
    "GCE changes no description of it, and installation, namespace and name do not fit into labels "
    "(at most 63 of a-z, 0-9, _ and -), so it cannot take a mark"
)
_BARE: Final = "GCE changes no description of it and gives it no labels, so it cannot take a mark"
_DIGITS: Final = 8
_LONGEST_VALUE: Final = 60


def consents(annotations: Mapping[str, str]) -> frozenset[str]:
    """The words of consent on a source."""
    text = annotations.get(names.ADOPT, "")
    return frozenset(word for part in text.split(",") if (word := part.strip()))


def word(found: GlobalResource, item: GlobalResource) -> str:
    """What to say to let *found* become *item*: `COLLECTION/NAME@DIGEST`."""
    fields = differing(found.spec, item.spec)
    diff = [[name, found.spec.get(name), item.spec[name]] for name in fields]
    digest = fingerprint([found.output.get("id"), diff])[:_DIGITS]
    return f"{found.kind.value}/{found.name}@{digest}"


def refusal(found: GlobalResource, item: GlobalResource) -> str:
    """Why *found*, which is not ours, stays as it is, and what somebody can do about that."""
    if found.mark is not None:
        return f"{found.label} carries the mark of {found.mark.source}; it is left alone"
    start = f"{found.label} exists and does not carry our mark; it is left alone"
    if found.kind is Kind.ADDRESS:
        return f"{start}; to use it, annotate {names.STATIC_IP}: {found.name}"
    if not _markable(item):
        why = _UNFIT if found.kind is Kind.FORWARDING_RULE else _BARE
        return f"{start}; {why}: {_deletion(found)}"
    fields = differing(found.spec, item.spec)
    if fixed := _fixed(found.kind, fields):
        return f"{start}; its {', '.join(fixed)} cannot be changed either: {_deletion(found)}"
    diff = "; ".join(_line(name, found.spec.get(name), item.spec[name]) for name in fields)
    marking = _marking(found.kind)
    changes = f"changes its {marking} and {diff}" if diff else f"changes its {marking} only"
    return f"{start}; to adopt it, annotate {names.ADOPT}: {word(found, item)}, which {changes}"


def adopted(
    found: GlobalResource, item: GlobalResource, words: Collection[str]
) -> Update[GlobalResource] | None:
    """The change that takes *found* over, if that is possible and somebody has consented to it."""
    fields = differing(found.spec, item.spec)
    possible = found.mark is None and _markable(item) and not _fixed(found.kind, fields)
    if not possible or word(found, item) not in words:
        return None
    return Update(
        observed=found,
        desired=item,
        fields=(*fields, _marking(found.kind)),
        why="is adopted with consent",
    )


def foreign(
    wanted: Iterable[GlobalResource], observed: Sequence[GlobalResource], mark: Mark
) -> list[tuple[GlobalResource, GlobalResource]]:
    """Pairs (observed, desired) of what stands under our names and is not ours."""
    have = {item.path: item for item in observed}
    pairs = ((have[item.path], item) for item in wanted if item.path in have)
    return [(found, item) for found, item in pairs if not ours(found, mark)]


def problems(
    wanted: Iterable[GlobalResource],
    observed: Sequence[GlobalResource],
    mark: Mark,
    words: Collection[str],
) -> tuple[Problem, ...]:
    """Say of each foreign resource what it would take."""
    return tuple(
        ("NameTaken", refusal(found, item))
        for found, item in foreign(wanted, observed, mark)
        if adopted(found, item, words) is None
    )


def ours(item: GlobalResource, mark: Mark) -> bool:
    """Whether the mark on *item* names this installation and this source."""
    return item.mark is not None and item.mark.owner == mark.owner and item.mark.uid == mark.uid


def _markable(item: GlobalResource) -> bool:
    """Whether what stands in place of *item* can be given its mark."""
    if item.kind is Kind.FORWARDING_RULE:
        return item.mark is not None and bool(item.mark.labels())
    return item.kind in _MARKABLE


def _marking(kind: Kind) -> str:
    return "labels" if kind is Kind.FORWARDING_RULE else "description"


def _fixed(kind: Kind, fields: Iterable[str]) -> list[str]:
    """Those of *fields* that GCE does not let anybody change."""
    if kind is Kind.FORWARDING_RULE:
        return sorted(set(fields) - {"target"})
    return sorted(_FIXED & set(fields))


def _deletion(found: GlobalResource) -> str:
    """What to do about what cannot be taken over."""
    if found.kind not in _COMMANDS:
        return "delete it"
    place = f"{found.name} --project={found.project} --global"
    text = f"delete it (gcloud compute {_COMMANDS[found.kind]} delete {place})"
    if found.kind is Kind.SSL_CERTIFICATE:
        text += f", or let it serve as it is: annotate {names.PRE_SHARED}: {found.name}"
    return text


def _line(name: str, before: Any, after: Any) -> str:
    return f"{name}: {_short(before)} -> {_short(after)}"


def _short(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, sort_keys=True, default=list)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."
