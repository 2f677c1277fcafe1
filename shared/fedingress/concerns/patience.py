"""How long to wait before looking again for what no event tells: ever more seldom."""

from fedingress.ports import Ports


def pause(name: str, ports: Ports, *, first: float, last: float) -> float:
    """
    Seconds until the next look, from *first* to *last*: a quarter of the time waited so far.

    Args:
        name: What is awaited, unique; the wait begins with the first call for it.
        ports: The ledger keeps when it began.
        first: Seconds of the first pause.
        last: Seconds of the longest one.
    """
    note = ports.ledger.note(_note(name))
    if note is None:
        ports.ledger.put_note(_note(name), {"since": ports.clock.now()})
        return first
    waited = ports.clock.now() - float(note["since"])
    return min(last, max(first, waited / 4))


def over(name: str, ports: Ports) -> None:
    """What was awaited has come; the next wait begins anew."""
    if ports.ledger.note(_note(name)) is not None:
        ports.ledger.drop_note(_note(name))


def forget(prefix: str, ports: Ports) -> None:
    """Forget every wait whose name begins with *prefix*."""
    ports.ledger.drop_notes(_note(prefix))


def _note(name: str) -> str:
    return f"waiting/{name}"
