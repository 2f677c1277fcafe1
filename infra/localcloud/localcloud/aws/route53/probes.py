"""
One look of one checker at one endpoint, over real connections.

A checker opens a new connection each time, from its own address. It takes any certificate, and
follows no redirect.

Differs from Route 53: private addresses are checked too (there is nothing else here), ports 80 and
443 are asked where the lab binds them, and an address outside the lab is never asked.

Source: Route 53 Developer Guide, "How Amazon Route 53 determines whether a health check is
healthy" (time limits, status codes, the first 5,120 bytes).
"""

import asyncio
import contextlib
import http
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiohttp

from localcloud.addresses import AddressRefused, loopback, to_loopback
from localcloud.dataplane.haproxy.program import BOUND_PORTS

CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 2.0
TCP_SECONDS = 10.0
SEARCHED_BYTES = 5120

_SHORTEST_SECONDS = 0.75  # a loaded machine is no dead endpoint
_LAST_GOOD_STATUS = 399
_FIRST_GOOD_STATUS = 200
_OUTSIDE = "is outside the lab"


class Prober:
    """A checker's hand: probes from one source address."""

    def __init__(
        self, source: str, resolve: Callable[[str], Sequence[str]], factor: float = 1.0
    ) -> None:
        """
        Probe from *source*.

        Args:
            source: 127.a.b.c.
            resolve: Gives the IPv4 addresses of a name.
            factor: Shortens time limits, down to three quarters of a second.
        """
        self.source = loopback(source)
        self._resolve = resolve
        self._factor = factor

    async def probe(self, check_id: str, config: Mapping[str, Any]) -> tuple[bool, str]:
        """Look once; give whether it is good, and Route 53's kind of sentence about it."""
        try:
            address = self._address(config)
            if config["Type"] == "TCP":
                await self._connect(address, _bound(int(config["Port"])))
                return True, "Success: TCP connection was established"
            return await self._request(check_id, config, address)
        except TimeoutError:
            return False, (
                "Failure: Connection timed out. The endpoint or the internet connection is down, "
                "or requests are being blocked by your firewall."
            )
        except (AddressRefused, LookupError) as reason:
            return False, f"Failure: {reason}"
        except (OSError, aiohttp.ClientError) as reason:
            return False, f"Failure: Connection failed: {reason}"

    def _address(self, config: Mapping[str, Any]) -> str:
        address = config.get("IPAddress")
        if address is None:
            name = config["FullyQualifiedDomainName"]
            found = self._resolve(name)
            if not found:
                raise LookupError(f"DNS resolution failed for {name}")
            address = found[0]
        if address.startswith("10."):
            return to_loopback(address)
        return loopback(address)

    async def _connect(self, address: str, port: int) -> None:
        async with asyncio.timeout(self._seconds(TCP_SECONDS)):
            _, writer = await asyncio.open_connection(address, port, local_addr=(self.source, 0))
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _request(
        self, check_id: str, config: Mapping[str, Any], address: str
    ) -> tuple[bool, str]:
        secure = config["Type"].startswith("HTTPS")
        port, name = int(config["Port"]), config.get("FullyQualifiedDomainName")
        path = str(config.get("ResourcePath", "/"))
        url = f"{'https' if secure else 'http'}://{address}:{_bound(port)}/{path.lstrip('/')}"
        usual = port == (443 if secure else 80)
        headers = {
            "Host": name or (address if usual else f"{address}:{port}"),
            "User-Agent": f"Amazon-Route53-Health-Check-Service (ref {check_id})",
        }
        options: dict[str, Any] = {"headers": headers, "allow_redirects": False}
        if secure:
            options["ssl"] = _any_certificate()
            options["server_hostname"] = name if name and config.get("EnableSNI") else ""
        async with (
            self._session() as session,
            session.get(url, **options) as response,
        ):
            return await self._judged(config, response)

    async def _judged(
        self, config: Mapping[str, Any], response: aiohttp.ClientResponse
    ) -> tuple[bool, str]:
        words = f"HTTP Status Code {response.status}, {_phrase(response)}"
        if not _FIRST_GOOD_STATUS <= response.status <= _LAST_GOOD_STATUS:
            return False, f"Failure: {words}"
        if "SearchString" not in config:
            return True, f"Success: {words}"
        body = b""
        while len(body) < SEARCHED_BYTES:
            part = await response.content.read(SEARCHED_BYTES - len(body))
            if not part:
                break
            body += part
        if config["SearchString"].encode() in body:
            return True, f"Success: {words}"
        return False, f"Failure: {words}. The search string was not found in the first 5120 bytes."

    def _session(self) -> aiohttp.ClientSession:
        connect, answer = self._seconds(CONNECT_SECONDS), self._seconds(ANSWER_SECONDS)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(local_addr=(self.source, 0), force_close=True),
            timeout=aiohttp.ClientTimeout(
                total=connect + answer, sock_connect=connect, sock_read=answer
            ),
        )

    def _seconds(self, seconds: float) -> float:
        return max(_SHORTEST_SECONDS, seconds * self._factor)


def _bound(port: int) -> int:
    return BOUND_PORTS.get(port, port)


def _phrase(response: aiohttp.ClientResponse) -> str:
    with contextlib.suppress(ValueError):
        return http.HTTPStatus(response.status).phrase
    return response.reason or ""


def _any_certificate() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
