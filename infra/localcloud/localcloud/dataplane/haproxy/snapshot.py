"""
What the data plane reads of the cloud: REST objects exactly as compute v1 returns them.

`DataPlane` asks for one before every change of program; the compilers below read nothing else.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localcloud.sixth import no_ports

Resource = Mapping[str, Any]


def keyless(path: str) -> str | None:  # noqa: ARG001  the form of a cloud's own look-up
    """No certificate has a key: for clouds without HTTPS."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """
    The load balancing objects of all projects at one moment.

    compute: REST objects by path, ``projects/P/global/backendServices/NAME``.
    endpoints: NetworkEndpoint objects (ipAddress, port, instance) by the path of their group, which
        is a network endpoint group or an instance group; the latter's are its instances at each
        named port, whose name is ``portName``.
    private_key: The PEM key of the certificate at a path, which compute never returns itself.
    tags: Network tags of instances, by their names.
    utilization: How much of the CPU of an instance is used, 0 to 1, by its name; 0 when left out.
    sixth: The port on ::1 that stands for an address of IPv6 and a port.
    """

    compute: Mapping[str, Resource]
    endpoints: Mapping[str, Sequence[Resource]]
    private_key: Callable[[str], str | None] = keyless
    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    utilization: Mapping[str, float] = field(default_factory=dict)
    sixth: Callable[[str, int], int] = no_ports

    def of_kind(self, collection: str) -> Iterator[tuple[str, Resource]]:
        """Path and object of every member of a collection such as ``urlMaps``, sorted by path."""
        for path in sorted(self.compute):
            if path.split("/")[-2] == collection:
                yield path, self.compute[path]

    def get(self, reference: object) -> Resource | None:
        """The object that a full URL or partial path names, if it exists."""
        return self.compute.get(path_of(reference))


def path_of(reference: object) -> str:
    """``projects/P/...`` of a reference in any form compute accepts; "" for anything else."""
    text = reference if isinstance(reference, str) else ""
    _, marker, rest = text.partition("projects/")
    return marker + rest


def identifier(prefix: str, *parts: str) -> str:
    """
    A name for the configuration that holds nothing a user wrote: prefix and 12 hex digits.

    The same parts always give the same name, so that health survives a change of program.
    """
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"{prefix}_{digest[:12]}"
