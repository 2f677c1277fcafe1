"""
Faults injected at the wire: delay, error status, lost connection, lost reply.

Every wire server of the local cloud passes its requests through `Faults.middleware`, so that a
client meets the fault exactly where it would meet it in production: on its socket. The dangerous
one is `abort_after`: the write took effect, but the reply is lost, and the caller cannot know.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from localcloud.calls import caller_of

Body = Callable[[int, Mapping[str, str]], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """
    What goes wrong, for which requests, how often.

    Attributes:
        method: HTTP method, upper case; empty matches all.
        path: Regular expression searched in path and query string; empty matches all.
        caller: Beginning of the caller's name (see `caller_of`); empty matches all.
        times: Number of requests that meet the fault; None means until it is removed.
        delay_seconds: Wait before anything else happens.
        status: Answer with this HTTP status, without effect.
        headers: Headers of that answer, for instance ``Retry-After``.
        abort_before: Close the connection without effect and without a reply.
        abort_after: Let the request take effect, then close the connection without a reply.

    Raises:
        ValueError: More than one of *status*, *abort_before* and *abort_after*; none of them and
            no delay; *times* below 1; *path* is no regular expression.
    """

    method: str = ""
    path: str = ""
    caller: str = ""
    times: int | None = 1
    delay_seconds: float = 0.0
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    abort_before: bool = False
    abort_after: bool = False

    def __post_init__(self) -> None:
        ends = sum((self.status is not None, self.abort_before, self.abort_after))
        if ends > 1:
            raise ValueError("a fault ends in one way: status, abort_before or abort_after")
        if ends == 0 and self.delay_seconds <= 0:
            raise ValueError("a fault delays or ends a request")
        if self.times is not None and self.times < 1:
            raise ValueError("a fault happens at least once")
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"path is no regular expression: {error}") from error

    def matches(self, request: web.BaseRequest) -> bool:
        """Say whether *request* meets this fault."""
        return (
            (not self.method or request.method == self.method)
            and (not self.path or re.search(self.path, request.path_qs) is not None)
            and caller_of(request.headers.get("User-Agent")).startswith(self.caller)
        )


class Faults:
    """
    The faults waiting at one server; the oldest that matches a request is taken.

    Attributes:
        answer: Makes the response of a fault with a status; JSON unless a server says otherwise.
    """

    def __init__(self, body: Body | None = None) -> None:
        """Make the JSON body of an injected error with *body*, in the server's own form."""
        self._body = body or _plain_body
        self.answer: Callable[[Fault], web.StreamResponse] = self._json
        self._waiting: list[tuple[Fault, int | None]] = []

    def add(self, fault: Fault) -> None:
        """Let *fault* happen from the next request on."""
        self._waiting.append((fault, fault.times))

    def list(self) -> tuple[tuple[Fault, int | None], ...]:
        """Give the waiting faults with the number of times left (None: for ever)."""
        return tuple(self._waiting)

    def clear(self) -> None:
        """Forget all faults."""
        self._waiting.clear()

    def take(self, request: web.BaseRequest) -> Fault | None:
        """Give the fault that *request* meets, and use it up once."""
        for index, (fault, left) in enumerate(self._waiting):
            if not fault.matches(request):
                continue
            if left is not None and left <= 1:
                del self._waiting[index]
            else:
                self._waiting[index] = (fault, None if left is None else left - 1)
            return fault
        return None

    @web.middleware
    async def middleware(
        self,
        request: Any,
        handler: Callable[[Any], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Answer *request* by *handler*, unless a fault comes between; an aiohttp middleware."""
        fault = self.take(request)
        if fault is None:
            return await handler(request)
        if fault.delay_seconds > 0:
            await asyncio.sleep(fault.delay_seconds)
        if fault.status is not None:
            return self.answer(fault)
        if fault.abort_before:
            return _abort(request)
        response = await handler(request)
        return _abort(request) if fault.abort_after else response

    def _json(self, fault: Fault) -> web.StreamResponse:
        assert fault.status is not None
        body = self._body(fault.status, fault.headers)
        return web.json_response(body, status=fault.status, headers=dict(fault.headers))


def _abort(request: web.BaseRequest) -> web.StreamResponse:
    # The response that is returned here is never sent: its connection is gone.
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _plain_body(status: int, _headers: Mapping[str, str]) -> Any:
    return {"error": {"code": status, "message": "injected fault"}}
