"""
One look of one prober of Google at one endpoint, over real connections.

HTTP and HTTPS want the status 200 and take any certificate; TCP wants a connection. Each look is a
new connection from the prober's own address.

Differs from Google: ports 80 and 443 are asked where the lab binds them, private addresses are
asked too (there is nothing else here), and an address outside the lab is never asked.

Source: Google Cloud, "Health checks overview" (success criteria), compute v1 ``HTTPHealthCheck``.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp

from localcloud.addresses import AddressRefused, loopback, to_loopback
from localcloud.dataplane.haproxy.program import BOUND_PORTS

USER_AGENT = "GoogleHC/1.0"
_OK = 200
_SHORTEST_SECONDS = 0.75  # a loaded machine is no dead endpoint
_BLOCKS = {"HTTP": "httpHealthCheck", "HTTPS": "httpsHealthCheck", "TCP": "tcpHealthCheck"}


async def probe(source: str, endpoint: str, check: Mapping[str, Any], factor: float) -> bool:
    """
    Look once.

    Args:
        source: The prober's address, 127.a.b.c.
        endpoint: An IPv4 address.
        check: ``compute#healthCheck``.
        factor: Shortens the time limit, down to three quarters of a second.
    """
    seconds = max(_SHORTEST_SECONDS, float(check.get("timeoutSec") or 5) * factor)
    block = check.get(_BLOCKS[check["type"]]) or {}
    port = int(block["port"])
    try:
        where = to_loopback(endpoint) if endpoint.startswith("10.") else loopback(endpoint)
        async with asyncio.timeout(seconds):
            if check["type"] == "TCP":
                return await _connected(source, where, port)
            return await _answered(source, where, port, check["type"], block)
    except (AddressRefused, TimeoutError, OSError, aiohttp.ClientError):
        return False


async def _connected(source: str, where: str, port: int) -> bool:
    _, writer = await asyncio.open_connection(
        where, BOUND_PORTS.get(port, port), local_addr=(source, 0)
    )
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def _answered(
    source: str, where: str, port: int, kind: str, block: Mapping[str, Any]
) -> bool:
    path = str(block.get("requestPath") or "/")
    url = f"{kind.lower()}://{where}:{BOUND_PORTS.get(port, port)}{path}"
    headers = {"Host": str(block.get("host") or where), "User-Agent": USER_AGENT}
    connector = aiohttp.TCPConnector(local_addr=(source, 0), force_close=True, ssl=_any())
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(url, headers=headers, allow_redirects=False) as response,
    ):
        return response.status == _OK


def _any() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
