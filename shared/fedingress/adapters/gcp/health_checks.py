"""
Compute Engine's global health checks for Cloud DNS, behind the port `HealthChecks`.

Called by the concern `dns`. Such a check knows no address: each routing policy that names it has
its own addresses looked at from three regions. Its name is its reference, its owner stands in its
description. It is asked for through google-api-python-client, whose discovery document is in its
package, for `dns` carries that client already. What the checkers find stands in logs only, so
`states` knows nothing.

Source: compute v1: healthChecks, globalOperations; HealthCheck.sourceRegions (exactly 3, no proxy
header, checkIntervalSec of at least 30, HTTP, HTTPS and TCP only, global only).
"""

import importlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final

from fedingress.adapters.gcp.agent import default_credentials, refresh, user_agent
from fedingress.adapters.gcp.errors import Missing, google_errors
from fedingress.domain.check import Check, CheckConfig
from fedingress.domain.errors import Conflict, Invalid, QuotaExceeded, Unavailable
from fedingress.domain.graph import Mark
from fedingress.ports.guard import Guard

SOURCE_REGIONS: Final = ("asia-southeast1", "europe-west1", "us-central1")
"""Three continents: an endpoint that two of them reach is there for the world."""
_BLOCKS: Final = {"HTTP": "httpHealthCheck", "HTTPS": "httpsHealthCheck", "TCP": "tcpHealthCheck"}
_TIMEOUT_SECONDS: Final = 5
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0


class GceHealthChecks:
    """
    The port `HealthChecks`; a reference and an id are `projects/P/global/healthChecks/NAME`.

    endpoint: `https://host[:port]`, or None for Google's own.
    owner: our installation; checks of others are not listed.
    settle_seconds: how long an operation is waited for.
    credentials: gives google-auth's, at the first call.
    """

    def __init__(
        self,
        endpoint: str | None,
        owner: str,
        *,
        call_timeout_seconds: float = 10.0,
        settle_seconds: float = 20.0,
        page_size: int = 500,
        credentials: Callable[[], Any] = default_credentials,
    ) -> None:
        self.call_timeout_seconds = call_timeout_seconds
        self._endpoint = endpoint
        self._owner = owner
        self._settle_seconds = settle_seconds
        self._page_size = page_size
        self._load = credentials
        self._lock = threading.Lock()
        self._service: Any = None
        self._credentials: Any = None

    def list(self, prefix: str) -> Sequence[Check]:
        """Every one of ours whose reference begins with *prefix*, by reference."""
        project, name = _parts(prefix)
        with self._connection() as http:
            found = [
                _check(project, body)
                for body in self._listed(http, project, name)
                if self._ours(body) and _served(body)
            ]
        return sorted(found, key=lambda each: each.reference)

    def create(self, reference: str, config: CheckConfig, guard: Guard) -> Check:
        """Make one, and wait until records can name it."""
        project, name = _parts(reference)
        mark = Mark(owner=self._owner, uid="", source="dns")
        body = {"name": name, "description": mark.encode(), **_encoded(config)}
        with self._connection() as http:
            standing = self._get(http, project, name)
            if standing is None:
                guard.check(self.call_timeout_seconds)
                request = self._api().healthChecks().insert(project=project, body=body)
                try:
                    self._done(http, project, self._ask(http, reference, request), guard)
                except Conflict as error:  # made meanwhile, by an earlier call of ours
                    raise Unavailable(str(error)) from error
                standing = self._get(http, project, name)
        if standing is None:
            raise Unavailable(f"{reference} vanishes as often as it is created")
        made = _check(project, standing) if self._ours(standing) else None
        if made is None or made.config != config:
            raise Conflict(f"a health check {reference} stands already, and is another one")
        return made

    def update(self, check: Check, config: CheckConfig, guard: Guard) -> Check:
        """Change what can be changed of the version that stands."""
        if check.config.fixed != config.fixed:
            raise Invalid(f"{check.label}: kind, address and interval cannot be changed")
        project, name = _parts(check.id)
        with self._connection() as http:
            self._same(http, check)
            guard.check(self.call_timeout_seconds)
            request = (
                self._api()
                .healthChecks()
                .patch(project=project, healthCheck=name, body=_encoded(config))
            )
            self._done(http, project, self._ask(http, check.id, request), guard)
        return Check(id=check.id, reference=check.reference, config=config)

    def delete(self, check: Check, guard: Guard) -> None:
        """
        Remove one, after reading its mark again; that it is gone is no error.

        Compute Engine cannot guard a delete. A late one is harmless: the name has a nonce, and what
        is needed again is created under another one.
        """
        project, name = _parts(check.id)
        with self._connection() as http:
            standing = self._get(http, project, name)
            if standing is None:
                return
            if not self._ours(standing):
                raise Conflict(f"{check.id} is not ours any more")
            guard.check(self.call_timeout_seconds)
            request = self._api().healthChecks().delete(project=project, healthCheck=name)
            try:
                self._done(http, project, self._ask(http, check.id, request), guard)
            except Missing:
                return

    def states(self, ids: Iterable[str]) -> Mapping[str, bool]:
        """Nothing: no API tells what the checkers find."""
        del ids
        return {}

    def _ours(self, body: Mapping[str, Any]) -> bool:
        mark = Mark.decode(str(body.get("description", "")))
        return mark is not None and mark.owner == self._owner

    def _same(self, http: Any, check: Check) -> None:
        project, name = _parts(check.id)
        standing = self._get(http, project, name)
        if standing is None or not self._ours(standing) or _check(project, standing) != check:
            raise Conflict(f"{check.label} was changed meanwhile")

    def _listed(self, http: Any, project: str, name: str) -> Iterator[dict[str, Any]]:
        api = self._api().healthChecks()
        request = api.list(
            project=project, maxResults=self._page_size, filter=f'name eq "{name}.*"'
        )
        while request is not None:
            page = self._ask(http, f"{project}: healthChecks", request)
            yield from page.get("items", ())
            request = api.list_next(request, page)

    def _get(self, http: Any, project: str, name: str) -> dict[str, Any] | None:
        request = self._api().healthChecks().get(project=project, healthCheck=name)
        try:
            return self._ask(http, f"projects/{project}/global/healthChecks/{name}", request)
        except Missing:
            return None

    def _done(self, http: Any, project: str, answer: dict[str, Any], guard: Guard) -> None:
        """
        Wait for an operation.

        Raises:
            Invalid: It ended in an error, in the provider's words.
            Unavailable: It takes longer; what it does is found by the next look.
        """
        seconds = min(self._settle_seconds, guard.remaining_seconds())
        deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE_SECONDS
        while answer.get("status") != "DONE":
            if time.monotonic() + pause >= deadline:
                raise Unavailable(f"operation {answer.get('name')} of {project} takes its time")
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            request = self._api().globalOperations().get(project=project, operation=answer["name"])
            answer = self._ask(http, f"{project}: globalOperations", request)
        if errors := (answer.get("error") or {}).get("errors"):
            raise Invalid([str(each.get("message") or each.get("code")) for each in errors])

    def _ask(self, http: Any, what: str, request: Any) -> dict[str, Any]:
        try:
            with google_errors(what):
                answer: dict[str, Any] = request.execute(http=http)
                return answer
        except QuotaExceeded as error:
            raise Invalid(str(error)) from error

    def _api(self) -> Any:
        with self._lock:
            if self._service is None:
                discovery = importlib.import_module("googleapiclient.discovery")
                root = f"{self._endpoint}/compute/v1/" if self._endpoint else None
                # Its own connection is never used: every call brings one.
                self._service = discovery.build(
                    "compute",
                    "v1",
                    http=importlib.import_module("httplib2").Http(),
                    static_discovery=True,
                    client_options={"api_endpoint": root} if root else None,
                )
            return self._service

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """An authorized connection for one call of the port: httplib2 cannot share them."""
        httplib2 = importlib.import_module("httplib2")
        transport = importlib.import_module("google_auth_httplib2")
        client = importlib.import_module("googleapiclient.http")
        with self._lock:
            if self._credentials is None:
                self._credentials = self._load()
            refresh(self._credentials)
        http = httplib2.Http(timeout=self.call_timeout_seconds)
        with closing(transport.AuthorizedHttp(self._credentials, http=http)) as authorized:
            yield client.set_user_agent(authorized, user_agent())


def _parts(path: str) -> tuple[str, str]:
    """Project and name, or the beginning of a name."""
    _, project, _, _, name = path.split("/")
    return project, name


def _served(body: Mapping[str, Any]) -> bool:
    return body.get("type") in _BLOCKS


def _check(project: str, body: Mapping[str, Any]) -> Check:
    kind = str(body["type"])
    block = body.get(_BLOCKS.get(kind, ""), {})
    path = f"projects/{project}/global/healthChecks/{body['name']}"
    # Others may have changed the regions, or one of the two thresholds: then it is told to differ.
    same = sorted(body.get("sourceRegions", ())) == [*SOURCE_REGIONS]
    same = same and body.get("healthyThreshold") == body.get("unhealthyThreshold")
    return Check(
        id=path,
        reference=path,
        config=CheckConfig(
            kind=kind,
            port=int(block.get("port", 0)),
            path=str(block.get("requestPath", "")),
            interval_seconds=int(body.get("checkIntervalSec", 0)),
            threshold=int(body.get("unhealthyThreshold", 0)) if same else 0,
        ),
    )


def _encoded(config: CheckConfig) -> dict[str, Any]:
    block: dict[str, Any] = {"port": config.port}
    if config.path:
        block["requestPath"] = config.path
    return {
        "type": config.kind,
        "checkIntervalSec": config.interval_seconds,
        "timeoutSec": _TIMEOUT_SECONDS,
        "healthyThreshold": config.threshold,
        "unhealthyThreshold": config.threshold,
        "sourceRegions": list(SOURCE_REGIONS),
        _BLOCKS[config.kind]: block,
    }
