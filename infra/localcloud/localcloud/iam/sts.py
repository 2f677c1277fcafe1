"""
AWS STS on loopback: `GetCallerIdentity`, `AssumeRole`, `AssumeRoleWithWebIdentity`.

Signatures are checked truthfully, and so are identity tokens: by the keys of the issuer that the
world's metadata server uses, which stands for Google here.

Source: AWS STS API reference; IAM User Guide, "Create an OpenID Connect identity provider", "Access
to AWS accounts owned by third parties" (sts:ExternalId).

Not modelled: session policies, tags, MFA, role chaining's shorter limit, regional differences.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from localcloud.gcp.server import Server, listen
from localcloud.iam.errors import NAMESPACE, StsError
from localcloud.iam.identities import ACCOUNT, Identities, Key
from localcloud.iam.signing import Request

SHORTEST_SECONDS, LONGEST_SECONDS = 900, 43_200
Verify = Callable[[str], Mapping[str, Any] | None]
"""Gives the claims of an identity token, or None for one that is not its issuer's."""

_SESSION = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)


async def serve_sts(
    identities: Identities, *, verify: Verify, host: str = "127.0.0.1", port: int = 0
) -> Server:
    """
    Serve STS.

    Args:
        identities: Keys and roles.
        verify: Of identity tokens.
        host: Address to bind.
        port: Port to bind; 0 takes a free one.
    """
    handler = _Sts(identities, verify)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler.answer)
    return await listen(app, host, port)


class _Sts:
    def __init__(self, identities: Identities, verify: Verify) -> None:
        self._identities = identities
        self._verify = verify
        self._actions: Mapping[str, Callable[[Request, Mapping[str, str]], str]] = {
            "GetCallerIdentity": self._caller,
            "AssumeRole": self._assume,
            "AssumeRoleWithWebIdentity": self._assume_by_web,
        }

    async def answer(self, request: web.Request) -> web.Response:
        signed = Request(
            method=request.method,
            path=request.rel_url.raw_path,
            query=tuple(request.query.items()),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        try:
            told = dict(request.query)
            told |= parse_qsl(signed.body.decode("utf-8", "replace"), keep_blank_values=True)
            name = told.get("Action", "")
            text, status = _result(name, self._actions.get(name, _unknown)(signed, told)), 200
        except StsError as error:
            text, status = error.body(), error.status
        return web.Response(text=text, status=status, content_type="text/xml")

    def _caller(self, request: Request, _told: Mapping[str, str]) -> str:
        arn = self._identities.who(request).arn
        return f"<Arn>{arn}</Arn><UserId>{arn}</UserId><Account>{arn.split(':')[4]}</Account>"

    def _assume(self, request: Request, told: Mapping[str, str]) -> str:
        caller = self._identities.who(request).arn
        role = told.get("RoleArn", "")
        asked = self._identities.external_ids.get(role, told.get("ExternalId", ""))
        trusted = caller in self._identities.trust.get(role, frozenset())
        if not trusted or told.get("ExternalId", "") != asked:  # one sentence for both, as AWS has
            raise _denied(f"User: {caller} is not authorized to perform: sts:AssumeRole", role)
        return self._taken(role, told)

    def _assume_by_web(self, _request: Request, told: Mapping[str, str]) -> str:
        role, token = told.get("RoleArn", ""), told.get("WebIdentityToken", "")
        claims = self._verify(token)
        if claims is None or claims.get("exp", 0) < self._identities.now():
            message = "Couldn't retrieve verification key, or the token is expired"
            raise StsError(400, "InvalidIdentityToken", message)
        if claims.get("sub") not in self._identities.web_trust.get(role, frozenset()):
            raise _denied("Not authorized to perform sts:AssumeRoleWithWebIdentity", role)
        return self._taken(role, told)

    def _taken(self, role: str, told: Mapping[str, str]) -> str:
        session, seconds = told.get("RoleSessionName", ""), told.get("DurationSeconds", "3600")
        if _SESSION.fullmatch(session) is None:
            raise StsError(400, "ValidationError", "roleSessionName is not valid")
        if not seconds.isdigit() or not SHORTEST_SECONDS <= int(seconds) <= LONGEST_SECONDS:
            raise StsError(400, "ValidationError", "durationSeconds is not valid")
        key = self._identities.key(role, lifetime_seconds=float(seconds))
        return (
            f"{_credentials(key)}<AssumedRoleUser><Arn>{_session_arn(role, session)}</Arn>"
            f"<AssumedRoleId>{key.key_id}:{session}</AssumedRoleId></AssumedRoleUser>"
        )


def _unknown(_request: Request, told: Mapping[str, str]) -> str:
    raise StsError(400, "InvalidAction", f"Could not find operation {told.get('Action', '')[:80]}")


def _denied(sentence: str, role: str) -> StsError:
    return StsError(403, "AccessDenied", f"{sentence} on resource: {role[:200]}")


def _session_arn(role: str, session: str) -> str:
    account, name = role.split(":")[4] or ACCOUNT, role.rpartition("/")[2]
    return f"arn:aws:sts::{account}:assumed-role/{name}/{session}"


def _credentials(key: Key) -> str:
    ends = datetime.fromtimestamp(key.ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"<Credentials><AccessKeyId>{key.key_id}</AccessKeyId>"
        f"<SecretAccessKey>{key.secret}</SecretAccessKey>"
        f"<SessionToken>{key.session_token}</SessionToken>"
        f"<Expiration>{ends}</Expiration></Credentials>"
    )


def _result(action: str, inner: str) -> str:
    return (
        f'<{action}Response xmlns="{NAMESPACE}"><{action}Result>{inner}</{action}Result>'
        "<ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId>"
        f"</ResponseMetadata></{action}Response>"
    )
