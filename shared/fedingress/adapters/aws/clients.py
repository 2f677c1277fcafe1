"""
Clients of boto3, made once per service and region, with our own limits of time.

Called by the adapters of this package. boto3 and its descriptions of services are loaded at the
first call. Endpoints come from the SDK's own variables (`AWS_ENDPOINT_URL_ROUTE_53`, ...).
"""

# ruff: noqa: PLC0415  boto3 is imported where it is first needed, never with this module

import random
import threading
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any, Final, TypeVar

from fedingress.adapters.aws.errors import Busy, aws_errors
from fedingress.adapters.aws.session import session as default_session
from fedingress.domain.errors import Forbidden, QuotaExceeded
from fedingress.ports.guard import Guard

T = TypeVar("T")
_CONNECT_SECONDS: Final = 3.0
_TRIES: Final = 4
_PAUSE_SECONDS: Final = 0.5

GLOBAL: Final = "us-east-1"
"""Where the services that have no region are signed for."""


class Clients:
    """
    One per process; safe to call from many threads.

    call_timeout_seconds: of one request.   session: gives a boto3 session, when it is first needed.
    pace: waits until the account may be asked again, before each request that `ask` is told of.
    renewed: whether a refusal makes the session anew: credentials of an assumed role that were
        revoked stay refused until they end, and new ones may be good.
    """

    def __init__(
        self,
        session: Callable[[], Any] = default_session,
        *,
        call_timeout_seconds: float = 10.0,
        pace: Callable[[], None] | None = None,
        renewed: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.call_timeout_seconds = call_timeout_seconds
        self._make = session
        self._pace = pace
        self._renewed = renewed
        self._sleep = sleep
        self._session: Any = None
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str], Any] = {}

    def session(self) -> Any:
        """The session of boto3, whose credentials other sessions may begin with."""
        with self._lock:
            return self._opened()

    def get(self, service: str, region: str = GLOBAL) -> Any:
        """The client of *service* in *region*."""
        with self._lock:
            key = (service, region)
            if key not in self._made:
                from botocore.config import Config

                config = Config(
                    connect_timeout=_CONNECT_SECONDS,
                    read_timeout=self.call_timeout_seconds - _CONNECT_SECONDS,
                    retries={"mode": "standard", "total_max_attempts": 1},
                    user_agent=f"fedingress/{metadata.version('federated-ingress')}",
                )
                self._made[key] = self._opened().client(service, region_name=region, config=config)
            return self._made[key]

    def ask(
        self, where: str, call: Callable[[], T], *, paced: bool = False, guard: Guard | None = None
    ) -> T:
        """
        Make a call; when it is throttled, again after a while that grows and varies.

        Args:
            where: What is spoken to, for the sentence.
            call: The request.
            paced: Whether it counts for the account's rate.
            guard: Of a write; asked again before each attempt, since waiting takes time.

        Raises:
            FederationError: See `errors`.
            LeaseLost: The guard would not let it go.
        """
        for attempt in range(_TRIES):
            try:
                if paced and self._pace is not None:
                    self._pace()
                if guard is not None:
                    guard.check(self.call_timeout_seconds)
                with aws_errors(where):
                    return call()
            except Forbidden as error:
                if self._renewed and not isinstance(error, QuotaExceeded):
                    self._forget()
                raise
            except Busy:
                if attempt + 1 == _TRIES:
                    raise
                self._sleep(_PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311
        raise AssertionError  # the last attempt returns or raises

    def _opened(self) -> Any:
        if self._session is None:
            self._session = self._make()
        return self._session

    def _forget(self) -> None:
        with self._lock:
            self._session = None
            self._made.clear()  # not closed: another thread may be in the midst of a call

    def close(self) -> None:
        """Drop the connections; a later call makes new ones."""
        with self._lock:
            for client in self._made.values():
                client.close()
            self._made.clear()
