"""
The wire of an `AwsCloud`: every service on one port.

The service and the region that a client means stand in the credential scope of its signature
(``Credential=KEY/DATE/REGION/SERVICE/aws4_request``), so one URL serves as the endpoint of all. The
key leads to an account, which has hosted zones, health checks and their metrics of its own; all
else is the one account's.

Not served: presigned URLs, SigV2, request compression.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from localcloud.aws.cloud import ACCOUNT, AwsCloud
from localcloud.aws.wire import awsjson, model, query, restxml
from localcloud.aws.wire.errors import AwsError, injected
from localcloud.calls import caller_of
from localcloud.faults import Fault

_LARGEST_BODY = 4 * 1024 * 1024
_SCOPE = re.compile(
    r"Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request"
)
_ROUTE53 = "https://route53.amazonaws.com/doc/2013-04-01/"
_READING = ("Get", "List", "Describe", "Test")

Answering = Callable[[str, str, Mapping[str, Any]], dict[str, Any]]


class Server:
    """A listening server; made by `serve_aws`."""

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.url = f"http://{host}:{port}"
        self._runner = runner

    async def close(self) -> None:
        """Stop listening and end all connections."""
        await self._runner.cleanup()


async def serve_aws(cloud: AwsCloud, *, host: str = "127.0.0.1", port: int = 0) -> Server:
    """
    Put *cloud* on the wire.

    Args:
        cloud: What to serve.
        host: Address to bind.
        port: Port to bind; 0 takes a free one, see ``Server.port``.
    """
    cloud.faults.answer = _injected
    app = web.Application(middlewares=[cloud.faults.middleware], client_max_size=_LARGEST_BODY)
    app.router.add_route("*", "/{path:.*}", _Wire(cloud).answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, host, port, backlog=1024).start()
    return Server(runner, host, runner.addresses[0][1])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    service: str
    region: str
    key: str
    token: str


class _Wire:
    def __init__(self, cloud: AwsCloud) -> None:
        self._cloud = cloud

    async def answer(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._serve(request, _scope(request.headers))
        except AwsError as failure:
            return _refusal(failure)

    async def _serve(self, request: web.Request, scope: _Scope) -> web.Response:
        if scope.service == "route53":
            return await self._route53(request, self._cloud.who(scope.key, scope.token))
        if scope.service == "elasticloadbalancing":
            return await self._queried(request, scope.region, "elbv2", self._cloud.elb.answer)
        if scope.service == "monitoring":

            def answer(operation: str, region: str, values: Mapping[str, Any]) -> dict[str, Any]:
                account = self._cloud.account(self._cloud.who(scope.key, scope.token))
                return account.cloudwatch.answer(operation, region, values)

            if awsjson.TARGET not in request.headers:
                return await self._queried(request, scope.region, "cloudwatch", answer)
            return await self._json(request, scope, ("cloudwatch", "ValidationError"), answer)
        if scope.service == "globalaccelerator":
            names = ("globalaccelerator", "InvalidArgumentException")
            return await self._json(request, scope, names, self._cloud.accelerators.answer)
        if scope.service == "acm":
            names = ("acm", "ValidationException")
            return await self._json(request, scope, names, self._cloud.acm.answer)
        raise AwsError("UnknownService", f"The local cloud serves no {scope.service}", 501)

    async def _route53(self, request: web.Request, account: str) -> web.Response:
        path = request.rel_url.raw_path
        found = model.find_route("route53", request.method, path)
        if found is None:
            raise AwsError("UnknownOperation", f"No {request.method} {path}", 404)
        operation, in_path = found
        values = restxml.decode(operation, in_path, request.query, await request.read())
        model.check(operation.input_shape, values)
        answer = await self._cloud.account(account).route53.answer(operation.name, values)
        self._count(request, "route53", account, operation.name)
        headers = {"x-amzn-RequestId": str(uuid.uuid4())}
        if "Location" in answer:
            headers["Location"] = answer["Location"]
        return web.Response(
            body=restxml.encode(operation, answer),
            status=operation.http.get("responseCode", 200),
            content_type="text/xml",
            headers=headers,
        )

    async def _json(
        self, request: web.Request, scope: _Scope, names: tuple[str, str], answering: Answering
    ) -> web.Response:
        """*names*: the service's in botocore, and its code for invalid members."""
        service, invalid = names
        try:
            target = request.headers.get(awsjson.TARGET, "")
            operation, values = awsjson.decode(service, target, await request.read())
            model.check(operation.input_shape, values, invalid)
            found = answering(operation.name, scope.region, values)
            self._count(request, service, ACCOUNT, operation.name)
            body, status = awsjson.encode(found), 200
        except AwsError as failure:
            body, status = awsjson.error(failure), failure.status
        return web.Response(
            body=body,
            status=status,
            content_type=awsjson.CONTENT_TYPE,
            headers={"x-amzn-RequestId": str(uuid.uuid4())},
        )

    async def _queried(
        self, request: web.Request, region: str, service: str, answering: Answering
    ) -> web.Response:
        operation, values = query.decode(service, await request.text())
        if operation.input_shape is not None:
            model.check(operation.input_shape, values, "ValidationError")
        answer = answering(operation.name, region, values)
        request_id = str(uuid.uuid4())
        return web.Response(
            body=query.encode(operation, answer, request_id),
            content_type="text/xml",
            headers={"x-amzn-RequestId": request_id},
        )

    def _count(self, request: web.Request, service: str, place: str, operation: str) -> None:
        if operation.startswith(_READING):
            return
        words = re.findall("[A-Z][a-z0-9]*", operation)
        self._cloud.calls.record(
            caller=caller_of(request.headers.get("User-Agent")),
            service=service,
            place=place,
            verb=words[0].lower(),
            resource="".join(words[1:]),
        )


def _scope(headers: Mapping[str, str]) -> _Scope:
    found = _SCOPE.search(headers.get("Authorization", ""))
    if found is None:
        raise AwsError("MissingAuthenticationToken", "Missing Authentication Token", 403)
    return _Scope(
        service=found["service"],
        region=found["region"],
        key=found["key"],
        token=headers.get("X-Amz-Security-Token", ""),
    )


def _refusal(failure: AwsError) -> web.Response:
    request_id = str(uuid.uuid4())
    return web.Response(
        body=restxml.error(failure, request_id, _ROUTE53),
        status=failure.status,
        content_type="text/xml",
        headers={"x-amzn-RequestId": request_id},
    )


def _injected(fault: Fault) -> Any:
    assert fault.status is not None
    response = _refusal(injected(fault.status))
    response.headers.update(fault.headers)
    return response
