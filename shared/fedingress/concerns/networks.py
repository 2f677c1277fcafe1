"""What fan-out tells the firewall of each network: needed, not needed, leaving."""

from fedingress.concerns.subject import Subject
from fedingress.domain.footprint import Footprint
from fedingress.domain.report import NetworkIntent
from fedingress.domain.work import Work
from fedingress.planning import firewall
from fedingress.ports import Ports
from fedingress.ports.ledger import Entry, intent_entry

_GOING = frozenset({"leaving", "orphan"})


def unit_of(text: str) -> str:
    """The shared unit of a network as a footprint notes it, `PROJECT/NETWORK`."""
    project, _, network = text.partition("/")
    return firewall.unit(project, network)


def intent(text: str, found: Subject, *, state: str) -> NetworkIntent:
    """The wish of one source; equal in every generation, so that it is told once."""
    project, _, network = text.partition("/")
    return NetworkIntent(
        uid=found.source.uid,
        generation=0,
        source=found.key,
        state=state,
        project=project,
        network=network,
    )


def kept(found: Subject, ports: Ports) -> list[Entry]:
    """For networks that know nothing of *found*: it still needs them."""
    footprint = found.footprint or Footprint()
    return [
        intent_entry(unit_of(text), intent(text, found, state="present"))
        for text in footprint.networks
        if ports.ledger.intent(unit_of(text), found.source.uid, NetworkIntent) is None
    ]


def leave(found: Subject, ports: Ports, *, orphan: bool, always: bool) -> list[str]:
    """
    Tell every network that *found* leaves.

    Returns:
        The networks whose rule was not yet observed as it should be without *found*; they tell
        when it was. Only then may the source go: nobody else remembers where the rule stands.
    """
    waiting = []
    for text in (found.footprint or Footprint()).networks:
        unit = unit_of(text)
        before = ports.ledger.intent(unit, found.source.uid, NetworkIntent)
        if before is not None and before.state == "left":
            continue
        waiting.append(text)
        going = intent(text, found, state="orphan" if orphan else "leaving")
        works = [Work(concern="backends", unit=unit, cause="source.leaving")]
        ports.ledger.announce(ports.bus, [intent_entry(unit, going)], works, always=always)
    return waiting


def let_go(unit: str, ports: Ports) -> None:
    """The rule stands as it should: whoever waited for that may go."""
    for item in ports.ledger.intents(unit, NetworkIntent).values():
        left = NetworkIntent.decode({**item.encode(), "state": "left"})
        if item.state in _GOING:
            ports.ledger.amend_intent(unit, item, left)
        if item.state in {*_GOING, "left"}:
            works = [Work(concern="fanout", unit=item.source, cause="firewall.left")]
            ports.bus.publish(works)
