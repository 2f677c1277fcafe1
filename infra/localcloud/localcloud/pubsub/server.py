"""
A listening Pub/Sub: gRPC for clients, HTTP for the keys of its push tokens.

Who calls a door without Pub/Sub, a scheduler or a person, gets a token of the same kind where a
metadata server gives it, with the account named in the path.

Not modelled: ordering keys, exactly-once delivery, schemas, snapshots and seek, IAM, retention and
expiry, unwrapped pushes, pages of lists, quotas, the REST API.
"""

from typing import Any

import grpc
from aiohttp import web

from localcloud.gcp.identity_tokens import Issuer
from localcloud.gcp.server import Server, listen
from localcloud.pubsub.subscriptions import Subscriptions
from localcloud.pubsub.topics import Topics
from localcloud.pubsub.wire import Wire

_CERTS_PATH = "/oauth2/v1/certs"
_JWKS_PATH = "/oauth2/v3/certs"
_IDENTITY_PATH = "/computeMetadata/v1/instance/service-accounts/{email}/identity"
_LARGEST_CALL = 12 << 20


class PubSubServer:
    """
    A server that listens; made by `serve_pubsub`.

    endpoint: HOST:PORT, as `PUBSUB_EMULATOR_HOST` wants it.
    certs_url, jwks_url: the keys that verify the tokens of pushes, as certificates and as JWK.
    identity_url: tokens for other callers; `{email}` stands for the account.
    """

    def __init__(
        self, grpc_server: Any, keys: Server, subscriptions: Subscriptions, endpoint: str
    ) -> None:
        self.endpoint = endpoint
        self.certs_url = f"{keys.url}{_CERTS_PATH}"
        self.jwks_url = f"{keys.url}{_JWKS_PATH}"
        self.identity_url = f"{keys.url}{_IDENTITY_PATH}"
        self._grpc = grpc_server
        self._keys = keys
        self._subscriptions = subscriptions

    async def close(self) -> None:
        """Stop pushing and listening; what was kept is lost."""
        await self._subscriptions.close()
        await self._grpc.stop(grace=0.1)
        await self._keys.close()


async def serve_pubsub(*, host: str = "127.0.0.1", port: int = 0) -> PubSubServer:
    """
    Serve an empty Pub/Sub.

    Args:
        host: Address to bind.
        port: Port of gRPC; 0 takes a free one, see ``PubSubServer.endpoint``.

    Raises:
        OSError: The port is taken.
    """
    issuer = Issuer()
    topics = Topics()
    subscriptions = Subscriptions(topics, issuer)
    server = grpc.aio.server(
        options=[("grpc.max_receive_message_length", _LARGEST_CALL), ("grpc.so_reuseport", 0)]
    )
    server.add_generic_rpc_handlers((Wire(topics, subscriptions),))
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise OSError(f"{host}:{port} cannot be bound: {error}") from error
    await server.start()

    async def certificates(_request: web.Request) -> web.Response:
        return web.json_response(issuer.certificates())

    async def keys_as_jwk(_request: web.Request) -> web.Response:
        return web.json_response(issuer.keys())

    async def identity(request: web.Request) -> web.Response:
        audience = request.query.get("audience", "")
        if request.headers.get("Metadata-Flavor") != "Google" or not audience:
            return web.Response(status=400, text="Metadata-Flavor: Google, and an audience")
        return web.Response(text=issuer.token(request.match_info["email"], audience))

    app = web.Application()
    app.router.add_get(_IDENTITY_PATH, identity)
    app.router.add_get(_CERTS_PATH, certificates)
    app.router.add_get(_JWKS_PATH, keys_as_jwk)
    keys = await listen(app, host, 0)
    return PubSubServer(server, keys, subscriptions, f"{host}:{bound}")
