"""
An HTTP answer that stays open while a server adds to it: the watches of the watcher.

`Connection.stream` opens them.
"""

# ruff: noqa: PLC0415  the SDK is imported where it is first needed, never with this module

from typing import Any

from fedingress.adapters.kube.errors import excerpt
from fedingress.domain.errors import Unavailable


class SilentError(Unavailable):
    """Nothing came for longer than a living server stays quiet."""


class OpenStream:
    """Read by one thread; `shutdown` may be called by another one."""

    def __init__(self, response: Any, *, name: str) -> None:
        self._response = response
        self._name = name

    def read1(self, amt: int) -> bytes:
        """
        What has arrived, at most *amt* bytes; empty once the server has ended it.

        Raises:
            SilentError: Nothing arrived in time.
            Unavailable: The connection broke.
        """
        from urllib3.exceptions import HTTPError, ReadTimeoutError

        try:
            return bytes(self._response.read1(amt))
        except (ReadTimeoutError, TimeoutError) as error:
            raise SilentError(f"{self._name} fell silent", after_seconds=0.0) from error
        except (HTTPError, OSError, ValueError) as error:
            words = excerpt(str(error))
            raise Unavailable(f"{self._name} broke off: {words}", after_seconds=0.0) from error

    def shutdown(self) -> None:
        """Wake the reader: its read ends."""
        try:
            self._response.shutdown()
        except (OSError, ValueError, RuntimeError):
            return  # it has ended already

    def close(self) -> None:
        """Give the socket up."""
        self._response.close()
