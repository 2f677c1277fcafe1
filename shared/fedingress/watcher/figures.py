"""What a watcher tells of itself: is it alive, is it ready, what has it seen."""

from fedingress.watcher.cluster import ClusterWatch
from fedingress.watcher.debounce import Debounce
from fedingress.watcher.exposition import CONTENT_TYPE, Metric, Sample, exposition
from fedingress.watcher.health import PageText

LONGEST_STANDSTILL_SECONDS = 180.0
"""Nothing in a watcher that works takes so long: a silent link is left after 70 s."""

_COUNTERS = {
    "events": "Objects listed and changes told by the API server.",
    "lists": "Lists; each but the first is a resync.",
    "watches": "Watches opened.",
    "expired": "Watches that ended with 410 Gone, as a status or as an event.",
    "silent": "Watches that were left because nothing came.",
    "short": "Watches that the server ended at once.",
    "errors": "Failed calls and broken watches.",
}


def alive(watch: ClusterWatch, debounce: Debounce) -> PageText:
    """
    The liveness probe: whether every thread makes progress.

    A failed attempt is progress too: no restart brings an API server or a bus back.
    """
    worst = max(watch.stuck_seconds(), debounce.stuck_seconds())
    fine = worst < LONGEST_STANDSTILL_SECONDS
    text = f"{'alive' if fine else 'stuck'}, the oldest progress is {worst:.1f} s old\n"
    return PageText(text=text, status=200 if fine else 503)


def ready(watch: ClusterWatch) -> PageText:
    """The readiness probe: everything was listed, and the API server still talks to us."""
    if not watch.synced:
        return PageText(text=f"not listed yet: {', '.join(watch.unlisted())}\n", status=503)
    quiet = watch.quiet_seconds()
    if quiet >= LONGEST_STANDSTILL_SECONDS:
        return PageText(text=f"the API server says nothing for {quiet:.1f} s\n", status=503)
    return PageText(text="ready\n")


def metrics(watch: ClusterWatch, debounce: Debounce) -> PageText:
    """The page for Prometheus."""
    families = [*_of_kinds(watch), *_of_works(debounce)]
    worst = max(watch.stuck_seconds(), debounce.stuck_seconds())
    families.append(
        _gauge("progress_age_seconds", "Since the thread that stands still longest moved.", worst)
    )
    return PageText(text=exposition(families), content_type=CONTENT_TYPE)


def _of_kinds(watch: ClusterWatch) -> list[Metric]:
    def each(value: str) -> list[Sample]:
        return [
            Sample(value=getattr(found.counts, value), labels={"kind": kind})
            for kind, found in watch.watches.items()
        ]

    kinds = {kind: {"kind": kind} for kind in watch.watches}
    found = [
        Metric(name=f"fedingress_watch_{name}_total", type="counter", help=text, samples=each(name))
        for name, text in _COUNTERS.items()
    ]
    irrelevant = [
        Sample(value=each_.mirror.irrelevant + each_.mirror.repeated, labels=kinds[kind])
        for kind, each_ in watch.watches.items()
    ]
    objects = [
        Sample(value=len(each_.mirror), labels=kinds[kind]) for kind, each_ in watch.watches.items()
    ]
    quiet = [
        Sample(value=each_.quiet_seconds(), labels=kinds[kind])
        for kind, each_ in watch.watches.items()
    ]
    return [
        *found,
        Metric(
            name="fedingress_watch_irrelevant_total",
            type="counter",
            help="Events in which nothing that matters had changed.",
            samples=irrelevant,
        ),
        Metric(
            name="fedingress_watch_objects",
            type="gauge",
            help="Objects that are known to be there.",
            samples=objects,
        ),
        Metric(
            name="fedingress_watch_quiet_seconds",
            type="gauge",
            help="Since the API server last said anything.",
            samples=quiet,
        ),
    ]


def _of_works(debounce: Debounce) -> list[Metric]:
    sent = debounce.sent
    told = {
        "relevant": ("Works that followed from events.", sent.asked),
        "coalesced": ("Works that found their unit waiting already.", sent.coalesced),
        "published": ("Works that the bus has accepted.", sent.published),
        "publish_failures": ("Publications that the bus did not accept.", sent.failures),
    }
    found = [
        Metric(
            name=f"fedingress_works_{name}_total",
            type="counter",
            help=text,
            samples=[Sample(value=value)],
        )
        for name, (text, value) in told.items()
    ]
    waiting = len(debounce.pending())
    return [*found, _gauge("works_waiting", "Works that the bus has not accepted yet.", waiting)]


def _gauge(name: str, text: str, value: float) -> Metric:
    return Metric(name=f"fedingress_{name}", type="gauge", help=text, samples=[Sample(value=value)])
