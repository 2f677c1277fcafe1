"""
Instance groups: named ports, and that an instance serves behind one group only.

Source: compute v1 ``InstanceGroup``; the texts as users quote them in public issue trackers.
"""

import re
from collections.abc import Iterable

from localcloud.gcp.errors import GoogleError, invalid, required
from localcloud.gcp.references import BASE
from localcloud.gcp.resources import Resources
from localcloud.gcp.rules.draft import Draft

_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_PORTS = range(1, 65536)


def check(draft: Draft, _resources: Resources) -> None:
    """
    Check the named ports; one name may stand for several numbers, but each pair only once.

    Raises:
        GoogleError: 400.
    """
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(draft.body.get("namedPorts") or ()):
        at = f"resource.namedPorts[{index}]"
        name, number = port.get("name"), port.get("port")
        if not name:
            raise required(f"{at}.name")
        if _NAME.fullmatch(name) is None:
            raise invalid(f"{at}.name", name, f"Must be a match of regex '{_NAME.pattern}'")
        if number is None:
            raise required(f"{at}.port")
        if number not in _PORTS:
            why = "Must be greater than or equal to 1 and less than or equal to 65535"
            raise invalid(f"{at}.port", number, why)
        if (name, number) in seen:
            raise invalid(at, f"{name}:{number}", "Duplicate named port.")
        seen.add((name, number))


def balancers(group: str, resources: Resources) -> tuple[str, ...]:
    """Give the paths of the backend services that balance over the group at *group*."""
    return tuple(u for u in resources.users(group) if u.split("/")[-2] == "backendServices")


def sole_group(group: str, instances: Iterable[str], resources: Resources) -> None:
    """
    Hold each of *instances*, by path, to *group* as its only load-balanced instance group.

    Raises:
        GoogleError: 400.
    """
    for member in instances:
        for other, members in resources.instances.items():
            if other != group and BASE + member in members and balancers(other, resources):
                raise GoogleError(
                    400,
                    "instanceInMultipleLoadBalancedIgs",
                    f"Validation failed for instance '{member}': instance may belong to at most "
                    "one load-balanced instance group.",
                )
