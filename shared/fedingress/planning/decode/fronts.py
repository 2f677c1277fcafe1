"""
From the annotations of an Ingress to how it wants to be reached.

Called by `planning.decode.ingresses`. The keys are those of GKE's own controller, so that an
Ingress may move between the two.

Source: GKE documentation, "Ingress configuration on Google Cloud".
"""

from typing import Final

from fedingress.domain import names
from fedingress.domain.front import FrontWish
from fedingress.planning.decode.reading import Cell
from fedingress.planning.decode.words import GCE_NAME, host_problem, quoted

_MOST_HOSTNAMES: Final = 50
_WORDS: Final = {"true": True, "false": False}


def front(annotations: Cell) -> FrontWish:
    """
    What *annotations* say; absent ones leave the defaults.

    Args:
        annotations: `metadata.annotations`; a fault of them as a whole is noted elsewhere.
    """
    return FrontWish(
        http=_boolean(annotations.child(names.ALLOW_HTTP)),
        pre_shared=_listed(annotations.child(names.PRE_SHARED)),
        address=_address(annotations, names.STATIC_IP, names.GLOBAL_STATIC_IP),
        address6=_address(annotations, names.STATIC_IPV6),
    )


def hostnames(annotations: Cell) -> tuple[str, ...]:
    """
    Further hosts of the Ingress, each once and in order; those that cannot be are faults.

    Args:
        annotations: `metadata.annotations`.
    """
    cell = annotations.child(names.HOSTNAME)
    if not isinstance(cell.value, str):
        return ()
    found = list(dict.fromkeys(word.strip() for word in cell.value.split(",")))
    if len(found) > _MOST_HOSTNAMES:
        cell.fault(f"names {len(found)} hosts; at most {_MOST_HOSTNAMES} are taken")
        return ()
    for host in found:
        if reason := host_problem(host):
            cell.fault(f"{quoted(host)} {reason}")
    return tuple(found)


def _address(annotations: Cell, *keys: str) -> str:
    """The first of *keys* that is given counts."""
    given = [cell for key in keys if isinstance((cell := annotations.child(key)).value, str)]
    if not given:
        return ""
    return given[0].required(like=GCE_NAME, noun="the name of a reserved address")


def _boolean(cell: Cell) -> bool:
    if not isinstance(cell.value, str):
        return True  # absent, or no text, which the reading of all annotations says
    if cell.value.strip().lower() not in _WORDS:
        cell.fault(f'{quoted(cell.value)} is neither "true" nor "false"')
        return True
    return _WORDS[cell.value.strip().lower()]


def _listed(cell: Cell) -> tuple[str, ...]:
    if not isinstance(cell.value, str):
        return ()
    found = [word.strip() for word in cell.value.split(",")]
    for word in found:
        if not GCE_NAME.fullmatch(word):
            cell.fault(f"{quoted(word)} is not the name of a certificate; separate names by commas")
    return tuple(dict.fromkeys(found))
