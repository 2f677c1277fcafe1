"""
Long-running operations: accepted at once, PENDING, RUNNING, then DONE, with or without an error.

A change takes effect when its operation is done; an insert shows its object at once, but others can
refer to it only then. While an operation works on a resource, another change of it is refused, as
Compute Engine does (``resourceNotReady``).

Source: compute v1 reference, ``globalOperations``.
"""

import asyncio
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from localcloud.gcp.errors import GoogleError, not_found
from localcloud.gcp.references import BASE
from localcloud.gcp.times import Clock, compute_time

_HTTP_MESSAGES = {400: "BAD REQUEST", 403: "FORBIDDEN", 409: "CONFLICT", 503: "SERVICE UNAVAILABLE"}
_LOOK_AGAIN_SECONDS = 0.02
_KEPT = 5000  # finished operations that can still be read


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationFault:
    """
    An operation that is accepted and fails.

    Attributes:
        verb: Of the request that began it, for instance ``insert``; empty matches all.
        path: Regular expression searched in the path of the target.
        times: How many operations fail.
        code: As in ``error.errors[].code``.
        message: As in ``error.errors[].message``.
        http_status: As in ``httpErrorStatusCode``.
    """

    verb: str = ""
    path: str = ""
    times: int = 1
    code: str = "RESOURCE_OPERATION_RATE_EXCEEDED"
    message: str = "Operation rate exceeded for the resource."
    http_status: int = 403


@dataclass(slots=True, kw_only=True)
class Operation:
    """
    One operation.

    Attributes:
        target: Path that it works on.
        finish: Makes the change; a `GoogleError` from it becomes the operation's error.
        undo: Takes back what showed already, when the operation fails.
        error: Word, sentence and HTTP status, once it failed or when it is going to.
        shared: Whether other changes of the target may run beside it.
    """

    path: str
    id: str
    verb: str
    target: str
    target_id: str
    began: float
    seconds: float
    finish: Callable[[], None] = _nothing
    undo: Callable[[], None] = _nothing
    error: tuple[str, str, int] | None = None
    shared: bool = False
    ended: float | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def json(self, now: float) -> dict[str, Any]:
        """Give ``compute#operation``."""
        _, project, *scope, _, name = self.path.split("/")
        found: dict[str, Any] = {
            "kind": "compute#operation",
            "id": self.id,
            "name": name,
            "operationType": self.verb,
            "targetLink": BASE + self.target,
            "targetId": self.target_id,
            "user": "functions@localcloud.iam.gserviceaccount.com",
            "insertTime": compute_time(self.began),
            "startTime": compute_time(self.began),
            "selfLink": BASE + self.path,
        }
        if scope[0] != "global":
            found[scope[0].removesuffix("s")] = f"{BASE}projects/{project}/{'/'.join(scope)}"
        if self.ended is None:
            begun = now - self.began >= self.seconds / 3
            return found | (
                {"status": "RUNNING", "progress": 50}
                if begun
                else {"status": "PENDING", "progress": 0}
            )
        found |= {"status": "DONE", "progress": 100, "endTime": compute_time(self.ended)}
        if self.error is not None:
            code, message, status = self.error
            found["error"] = {"errors": [{"code": code, "message": message}]}
            found["httpErrorStatusCode"] = status
            found["httpErrorMessage"] = _HTTP_MESSAGES.get(status, "ERROR")
        return found


class Operations:
    """The operations of all projects."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        """Let each operation take *seconds* of *clock*."""
        self.clock = clock
        self.seconds = seconds
        self._all: dict[str, Operation] = {}
        self._open: dict[str, Operation] = {}
        self._faults: list[tuple[OperationFault, int]] = []

    def fail(self, fault: OperationFault) -> None:
        """Let coming operations that match *fault* end in its error."""
        self._faults.append((fault, fault.times))

    def begin(
        self,
        verb: str,
        target: str,
        target_id: str,
        *,
        finish: Callable[[], None] = _nothing,
        undo: Callable[[], None] = _nothing,
        shared: bool = False,
        at_once: bool = False,
    ) -> Operation:
        """Accept a change of *target*; *at_once* it is done when this returns."""
        _, project, *scope, _, _ = target.split("/")
        now = self.clock()
        words = "-".join(secrets.token_hex(n) for n in (6, 4, 4))
        name = f"operation-{int(now * 1000)}-{words}"
        operation = Operation(
            path=f"projects/{project}/{'/'.join(scope)}/operations/{name}",
            id=new_id(),
            verb=verb,
            target=target,
            target_id=target_id,
            began=now,
            seconds=0.0 if at_once else self.seconds,
            finish=finish,
            undo=undo,
            error=None if at_once else self._fault(verb, target),
            shared=shared,
        )
        self._all[operation.path] = self._open[operation.path] = operation
        self.settle()
        if operation.ended is None:
            self._wake(operation, operation.seconds)
        return operation

    def settle(self) -> None:
        """End every operation whose time has come; the effects happen here."""
        now = self.clock()
        for operation in list(self._open.values()):
            if now - operation.began >= operation.seconds:
                self._end(operation, now)
        while len(self._all) > _KEPT + len(self._open):
            self._all.pop(next(path for path in self._all if path not in self._open))

    def busy(self, target: str) -> bool:
        """Say whether a change of *target* must wait for another one."""
        return any(o.target == target and not o.shared for o in self._open.values())

    def coming_or_going(self, target: str) -> bool:
        """Say whether *target* is still being made, or deleted: nobody can refer to it then."""
        return any(
            o.target == target and o.verb in {"insert", "delete"} for o in self._open.values()
        )

    def need(self, path: str) -> Operation:
        """
        Give the operation at *path*.

        Raises:
            GoogleError: 404.
        """
        if path not in self._all:
            raise not_found(path)
        return self._all[path]

    def each(self, prefix: str) -> Iterator[Operation]:
        """Give the operations whose path begins with *prefix*, newest last."""
        return (o for path, o in self._all.items() if path.startswith(prefix))

    def forget(self, path: str) -> None:
        """Delete the record of an operation; its effect still comes."""
        self.need(path)
        del self._all[path]

    def _end(self, operation: Operation, now: float) -> None:
        del self._open[operation.path]
        if operation.error is None:
            try:
                operation.finish()
            except GoogleError as error:
                operation.error = (_upper(error.reason), error.message, error.code)
        if operation.error is not None:
            operation.undo()
        operation.ended = now
        operation.done.set()

    def _fault(self, verb: str, target: str) -> tuple[str, str, int] | None:
        for index, (fault, left) in enumerate(self._faults):
            if fault.verb in ("", verb) and re.search(fault.path, target):
                if left <= 1:
                    del self._faults[index]
                else:
                    self._faults[index] = (fault, left - 1)
                return fault.code, fault.message, fault.http_status
        return None

    def _wake(self, operation: Operation, seconds: float) -> None:
        # Without a running loop the next request settles.
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        loop.call_later(seconds, self._look, operation)

    def _look(self, operation: Operation) -> None:
        self.settle()
        if operation.ended is None:  # the clock is not the loop's
            self._wake(operation, _LOOK_AGAIN_SECONDS)


def new_id() -> str:
    """Give a resource id: a 64-bit number as text."""
    return str(1 << 61 | secrets.randbits(61))


def _upper(reason: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", reason).upper()
