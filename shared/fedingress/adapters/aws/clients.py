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
from typing import Any, Final, TypeVar

from fedingress.adapters.aws.errors import Busy, aws_errors

T = TypeVar("T")
_CONNECT_SECONDS: Final = 3.0
_TRIES: Final = 4
_PAUSE_SECONDS: Final = 0.5

GLOBAL: Final = "us-east-1"
"""Where the services that have no region are signed for."""


def default_session() -> Any:
    """What boto3 finds: a function's role, a pod's, a machine's, or variables."""
    from boto3.session import Session

    return Session()


class Clients:
    """
    One per process; safe to call from many threads.

    call_timeout_seconds: of one request.   session: gives a boto3 session, when it is first needed.
    """

    def __init__(
        self,
        session: Callable[[], Any] = default_session,
        *,
        call_timeout_seconds: float = 10.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.call_timeout_seconds = call_timeout_seconds
        self._make = session
        self._sleep = sleep
        self._session: Any = None
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str], Any] = {}

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
                )
                if self._session is None:
                    self._session = self._make()
                self._made[key] = self._session.client(service, region_name=region, config=config)
            return self._made[key]

    def ask(self, where: str, call: Callable[[], T]) -> T:
        """
        Make a call; when it is throttled, again after a while that grows and varies.

        Raises:
            FederationError: See `errors`.
        """
        for attempt in range(_TRIES):
            try:
                with aws_errors(where):
                    return call()
            except Busy:
                if attempt + 1 == _TRIES:
                    raise
                self._sleep(_PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311
        raise AssertionError  # the last attempt returns or raises

    def close(self) -> None:
        """Drop the connections; a later call makes new ones."""
        with self._lock:
            for client in self._made.values():
                client.close()
            self._made.clear()
