"""What fan-out tells the firewall of each network: needed, not needed, leaving."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from fedingress.concerns.subject import Subject
from fedingress.domain.footprint import Footprint
from fedingress.domain.graph import Kind
from fedingress.domain.report import NetworkIntent
from fedingress.domain.work import Work
from fedingress.planning import adoption, firewall
from fedingress.ports import Ports
from fedingress.ports.ledger import Entry, intent_entry

_GOING = frozenset({"leaving", "orphan"})


def unit_of(text: str) -> str:
    """The shared unit of a network as a footprint notes it, `PROJECT/NETWORK`."""
    project, _, network = text.partition("/")
    return firewall.unit(project, network)


def intent(text: str, found: Subject, *, state: str, held: bool = False) -> NetworkIntent:
    """The wish of one source; equal in every generation, so that it is told once."""
    project, _, network = text.partition("/")
    return NetworkIntent(
        uid=found.source.uid,
        generation=0,
        source=found.key,
        state=state,
        project=project,
        network=network,
        held=held,
    )


def wishes(
    found: Subject, used: Mapping[str, tuple[str, ...]], ports: Ports, *, detached: bool
) -> list[NetworkIntent]:
    """
    What *found* wants of every network that it ever used.

    Args:
        found: Not retired.
        used: Networks of the members that it is placed in, with the tags of their nodes.
        ports: For what was told before.
        detached: Whether only endpoints of these members are in use. Until then no rule gets
            narrower: a firewall that closes before its endpoints are detached loses requests.
    """
    footprint, policy, ingress = found.footprint or Footprint(), found.policy, found.source.ingress
    six = bool(policy and policy.ipv6) or bool(ingress and ingress.front.address6)
    moving = {name for name in footprint.projects if policy and name != policy.project}
    words = tuple(sorted(_words(found)))
    said = []
    for text in sorted({*footprint.networks, *used}):
        before = ports.ledger.intent(unit_of(text), found.source.uid, NetworkIntent)
        leaves = text.partition("/")[0] in moving
        stays = not detached and (before is None or before.state == "present")
        if text in used:
            wish = intent(text, found, state="present", held=leaves or not detached)
            said.append(replace(wish, tags=used[text], ipv6=six, consents=words))
        elif leaves or stays:
            said.append(intent(text, found, state="present", held=True))
        else:
            said.append(intent(text, found, state="absent"))
    return said


def _words(found: Subject) -> Iterator[str]:
    """Those of its user's words of consent that are about firewalls."""
    said = adoption.consents(found.source.annotations)
    return (word for word in said if word.startswith(f"{Kind.FIREWALL.value}/"))


def kept(found: Subject, ports: Ports) -> list[Entry]:
    """For networks that know nothing of *found*: it still needs them."""
    footprint = found.footprint or Footprint()
    return [
        intent_entry(unit_of(text), intent(text, found, state="present", held=True))
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
