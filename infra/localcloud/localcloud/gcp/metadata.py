"""
The metadata server of a virtual machine: project, identity and access tokens.

With ``GCE_METADATA_HOST`` (and ``GCE_METADATA_IP``) naming it, ``google.auth.default()`` gives
compute engine credentials, as on a real machine.

Source: Compute Engine, "About VM metadata" (header ``Metadata-Flavor``, paths, refusals); GKE,
"About Workload Identity Federation for GKE" (the identity pool in place of an account).

With an issuer it gives identity tokens too ("Verify the identity of Compute Engine instances").

Not modelled: instance attributes, ``wait_for_change``.
"""

import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from localcloud.gcp.access import CLOUD_PLATFORM, LIFETIME_SECONDS, Access
from localcloud.gcp.server import Server, listen

Identify = Callable[[str, str], str]
"""Gives the identity token of a service account for an audience."""

_ROOT = "/computeMetadata/v1"
_FLAVOR = {"Metadata-Flavor": "Google", "Server": "Metadata Server for VM"}


async def serve_metadata(
    project: str,
    *,
    access: Access | None = None,
    identify: Identify | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Server:
    """
    Serve the metadata of a machine in *project*.

    Args:
        project: Its id.
        access: Where tokens are issued: a cloud's ``GcpCloud.access``; None issues tokens that
            no cloud knows.
        identify: Signs identity tokens; None has none.
        host: Address to bind.
        port: Port to bind; 0 takes a free one.
    """
    app = web.Application()
    handler = _Metadata(project, access or Access(clock=_no_clock), identify)
    app.router.add_get("/{path:.*}", handler.answer)
    return await listen(app, host, port)


def _no_clock() -> float:
    return 0.0


def account_of(project: str) -> str:
    """Give the name of the one account of machines in *project*."""
    return f"{project}.svc.id.goog"


class _Metadata:
    def __init__(self, project: str, access: Access, identify: Identify | None) -> None:
        self._access = access
        self._identify = identify
        # A workload identity pool, as GKE's metadata server names workloads without a service
        # account: for an account google-auth asks iamcredentials.googleapis.com by itself.
        self._email = email = account_of(project)
        account = {"aliases": ["default"], "email": email, "scopes": [CLOUD_PLATFORM]}
        number = str(int.from_bytes(project.encode()[:5], "big"))
        here = f"{_ROOT}/instance/service-accounts"
        self._texts = {
            "": "computeMetadata/\n",
            f"{_ROOT}/project/project-id": project,
            f"{_ROOT}/project/numeric-project-id": number,
            f"{_ROOT}/universe/universe-domain": "googleapis.com",
            f"{_ROOT}/universe/universe_domain": "googleapis.com",
            f"{_ROOT}/instance/zone": f"projects/{number}/zones/us-central1-a",
            f"{_ROOT}/instance/region": f"projects/{number}/regions/us-central1",
            here: f"default/\n{email}/\n",
        }
        self._documents: dict[str, Any] = {here: {"default": account, email: account}}
        for name in ("default", email):
            self._texts |= {
                f"{here}/{name}": "aliases\nemail\nscopes\ntoken\n",
                f"{here}/{name}/email": email,
                f"{here}/{name}/scopes": f"{CLOUD_PLATFORM}\n",
            }
            self._documents[f"{here}/{name}"] = account
        self._token_paths = frozenset(f"{here}/{name}/token" for name in ("default", email))
        self._identity_paths = frozenset(f"{here}/{name}/identity" for name in ("default", email))

    async def answer(self, request: web.Request) -> web.Response:
        path = request.path.rstrip("/")
        if path and request.headers.get("Metadata-Flavor") != "Google":
            return _text('Missing required header "Metadata-Flavor": "Google"\n', status=403)
        if "X-Forwarded-For" in request.headers:
            return _text("X-Forwarded-For is not allowed\n", status=403)
        if path in self._token_paths:
            return _json(self._token(request.query.get("scopes", "")))
        if path in self._identity_paths and self._identify is not None:
            return self._identity(self._identify, request.query.get("audience", ""))
        if path in self._documents and request.query.get("recursive", "").lower() == "true":
            return _json(self._documents[path])
        known = path in self._texts
        return _text(self._texts[path] if known else "Not Found\n", status=200 if known else 404)

    def _identity(self, identify: Identify, audience: str) -> web.Response:
        if not audience:
            return _text("non-empty audience parameter required\n", status=400)
        return _text(identify(self._email, audience))

    def _token(self, scopes: str) -> dict[str, Any]:
        wanted = frozenset(scopes.split(",")) if scopes else frozenset({CLOUD_PLATFORM})
        return {
            "access_token": self._access.issue(wanted),
            "expires_in": int(LIFETIME_SECONDS) - 1,
            "token_type": "Bearer",
        }


def _text(text: str, *, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, headers=_FLAVOR, content_type="application/text")


def _json(document: Any) -> web.Response:
    return web.Response(text=json.dumps(document), headers=_FLAVOR, content_type="application/json")
