"""
Global accelerators in memory: the strict twin of `adapters.aws.accelerators`.

A change is deployed at the next look but one, as far as `slow` says. A `fault` hook sees each write
before and after it happens.
"""

import itertools
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from fedingress.adapters.memory.clusters import FaultHook, no_fault
from fedingress.domain.accelerator import Accelerator, EndpointGroup
from fedingress.domain.errors import Conflict, Invalid
from fedingress.ports.guard import Guard

_FULL: Final = 100
_TOP: Final = 255
_MOST_ENDPOINTS: Final = 10


class MemoryAccelerators:
    """
    The port `Accelerators`.

    found: name -> the accelerator.   tags: name -> its tags.
    calls: (verb, name or region) of every write, in order.
    slow: looks for which a change is still under way.
    """

    def __init__(self, *, slow: int = 0, fault: FaultHook = no_fault) -> None:
        self.call_timeout_seconds = 10.0
        self.found: dict[str, Accelerator] = {}
        self.tags: dict[str, Mapping[str, str]] = {}
        self.calls: list[tuple[str, str]] = []
        self.slow = slow
        self.fault = fault
        self._pending: dict[str, int] = {}
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)

    def find(self, name: str, tags: Mapping[str, str]) -> Accelerator | None:
        """The one that carries all tags."""
        with self._lock:
            found = self.found.get(name)
            if found is None or not tags.items() <= self.tags[name].items():
                return None
            left = self._pending[name]
            self._pending[name] = max(0, left - 1)
            return replace(found, deployed=not left)

    def create(self, name: str, tags: Mapping[str, str], guard: Guard) -> Accelerator:
        """Make one, or give the one that the same call made."""
        with self._write("create", name, guard):
            if name not in self.found:
                number = next(self._numbers)
                addresses = (f"192.0.2.{2 * number}", f"192.0.2.{2 * number + 1}")
                arn = f"arn:aws:globalaccelerator::1:accelerator/{number}"
                self._keep(Accelerator(name=name, arn=arn, addresses=addresses))
                self.tags[name] = dict(tags)
            return self.found[name]

    def listen(self, found: Accelerator, ports: tuple[int, ...], guard: Guard) -> Accelerator:
        """Give it a listener."""
        with self._write("listen", found.name, guard):
            now = self._living(found)
            self._keep(replace(now, listener=f"{now.arn}/listener/1", ports=ports))
            return self.found[found.name]

    def put_group(self, found: Accelerator, group: EndpointGroup, guard: Guard) -> None:
        """Make or change a region's."""
        with self._write("group", group.region, guard):
            now = self._living(found)
            if not now.listener:
                raise Conflict(f"{found.name} has no listener")
            if not 0 <= group.dial <= _FULL or any(not 0 <= w <= _TOP for _, w in group.weights):
                raise Invalid("a dial is 0 to 100, a weight 0 to 255")
            if len(group.weights) > _MOST_ENDPOINTS:
                raise Invalid("a group has 10 endpoints at the most")
            standing = {each.region: each for each in now.groups}
            if bool(group.arn) != (group.region in standing):
                raise Conflict(f"the group of {group.region} is another")
            arn = f"{now.listener}/endpoint-group/{group.region}"
            standing[group.region] = replace(group, arn=arn)
            self._keep(replace(now, groups=tuple(standing[name] for name in sorted(standing))))

    def delete_group(self, group: EndpointGroup, guard: Guard) -> None:
        """Remove one."""
        with self._write("ungroup", group.region, guard):
            for each in list(self.found.values()):
                kept = tuple(row for row in each.groups if row.arn != group.arn)
                if kept != each.groups:
                    self._keep(replace(each, groups=kept))

    def retire(self, found: Accelerator, guard: Guard) -> None:
        """Empty and disable it, then delete it."""
        with self._write("retire", found.name, guard):
            now = self._living(found)
            if now.enabled:
                self._keep(replace(now, groups=(), listener="", ports=(), enabled=False))
            elif not self._pending[found.name]:
                del self.found[found.name]

    def _write(self, verb: str, name: str, guard: Guard) -> "_Writing":
        guard.check(self.call_timeout_seconds)
        return _Writing(self, verb, name)

    def _living(self, found: Accelerator) -> Accelerator:
        now = self.found.get(found.name)
        if now is None or now.arn != found.arn:
            raise Conflict(f"{found.name} is not there any more")
        return now

    def _keep(self, item: Accelerator) -> None:
        self.found[item.name] = item
        self._pending[item.name] = self.slow


class _Writing:
    """One write at a time, between the two calls of the fault hook."""

    def __init__(self, port: MemoryAccelerators, verb: str, name: str) -> None:
        self._port, self._verb, self._name = port, verb, name

    def __enter__(self) -> None:
        self._port.fault("before", self._verb, self._name)
        self._port._lock.acquire()  # noqa: SLF001  one class in two parts
        self._port.calls.append((self._verb, self._name))

    def __exit__(self, kind: object, *_rest: object) -> None:
        self._port._lock.release()  # noqa: SLF001
        if kind is None:
            self._port.fault("after", self._verb, self._name)
