"""
Cloud DNS behind the port `RecordSets`.

Called by the concern `dns`. It uses google-api-python-client, whose discovery document is in its
package: google-cloud-dns knows no routing policies and fails on zones that contain one.

Source: dns v1 reference: managedZones, resourceRecordSets, changes.
"""

import importlib
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final

from fedingress.adapters.gcp import records
from fedingress.adapters.gcp.agent import default_credentials, refresh, user_agent
from fedingress.adapters.gcp.errors import Missing, google_errors
from fedingress.domain.errors import Conflict, FederationError, Invalid
from fedingress.domain.policy import ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.ports.guard import Guard

_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0
_PAGES_PER_NAME: Final = 20
"""A name costs a call; so many more record sets come with a page of the whole zone."""
_UNWRITABLE: Final = ("forwardingConfig", "peeringConfig", "serviceDirectoryConfig")
"""A zone with one of these answers from elsewhere and holds no records."""


class CloudDnsRecordSets:
    """
    The port `RecordSets`. Public and private zones.

    endpoint: `https://host[:port]`, or None for Google's own.
    page_size: record sets per page of a list.
    settle_seconds: how long a change is watched until it is done; once accepted it will be.
    credentials: gives google-auth's, at the first call.
    """

    def __init__(
        self,
        endpoint: str | None,
        *,
        call_timeout_seconds: float = 10.0,
        page_size: int = 500,
        settle_seconds: float = 5.0,
        credentials: Callable[[], Any] = default_credentials,
    ) -> None:
        self.call_timeout_seconds = call_timeout_seconds
        self._endpoint = endpoint
        self._page_size = page_size
        self._settle_seconds = settle_seconds
        self._lock = threading.Lock()
        self._service: Any = None
        self._credentials: Any = None
        self._load = credentials

    def domain(self, zone: ZoneRef) -> str:
        """The zone's DNS name without the final dot."""
        with self._connection() as http:
            found = self._ask(http, zone, self._api().managedZones().get(**_at(zone)))
        for field in _UNWRITABLE:
            if field in found:
                raise Invalid(f"managed zone {zone.name} of {zone.project} has a {field}")
        return records.name(str(found["dnsName"]))

    def list(self, zone: ZoneRef) -> Sequence[RecordSet]:
        """Every record set, by name and type."""
        with self._connection() as http:
            found = [records.decode(rrset) for rrset in self._rrsets(http, zone)]
        return sorted(found, key=lambda item: (item.name, item.type))

    def find(self, zone: ZoneRef, names: Collection[str]) -> Sequence[RecordSet]:
        """Every record set of these names; more than a page of them are found in the whole zone."""
        if len(names) * _PAGES_PER_NAME > self._page_size:
            return [item for item in self.list(zone) if item.name in names]
        with self._connection() as http:
            pages = [self._rrsets(http, zone, name=f"{name}.") for name in sorted(names)]
            found = [records.decode(rrset) for page in pages for rrset in page]
        return sorted(found, key=lambda item: (item.name, item.type))

    def change(
        self,
        zone: ZoneRef,
        *,
        deletions: Sequence[RecordSet],
        additions: Sequence[RecordSet],
        guard: Guard,
    ) -> str:
        """
        One change; what goes is sent as it stands, so that Cloud DNS finds it equal.

        A record set has many spellings (of TXT above all), so the zone is read once more.
        """
        if not deletions and not additions:
            return ""
        with self._connection() as http:
            body = {
                "deletions": self._standing(http, zone, deletions),
                "additions": [records.encode(item) for item in additions],
            }
            guard.check(self.call_timeout_seconds)
            request = self._api().changes().create(**_at(zone), body=body)
            answer = self._ask(http, zone, request)
            seconds = min(self._settle_seconds, guard.remaining_seconds())
            return "" if self._settled(http, zone, answer, seconds) else str(answer["id"])

    def done(self, zone: ZoneRef, change: str) -> bool:
        """Whether Cloud DNS calls it done."""
        with self._connection() as http:
            request = self._api().changes().get(**_at(zone), changeId=change)
            return bool(self._ask(http, zone, request).get("status") == "done")

    def _standing(self, http: Any, zone: ZoneRef, wanted: Sequence[RecordSet]) -> Sequence[Any]:
        """The JSON of *wanted* as it stands in the zone."""
        if not wanted:
            return []
        found = {}
        for rrset in self._rrsets(http, zone):
            found[records.name(str(rrset["name"])), rrset["type"]] = rrset
        for item in wanted:
            standing = found.get((item.name, item.type))
            if standing is None or records.decode(standing) != item:
                raise Conflict(f"{item.label} does not stand in {zone.unit} as it was observed")
        return [found[item.name, item.type] for item in wanted]

    def _rrsets(self, http: Any, zone: ZoneRef, **filters: str) -> Iterator[dict[str, Any]]:
        api = self._api().resourceRecordSets()
        request = api.list(**_at(zone), maxResults=self._page_size, **filters)
        while request is not None:
            page = self._ask(http, zone, request)
            yield from page.get("rrsets", ())
            request = api.list_next(request, page)

    def _settled(self, http: Any, zone: ZoneRef, answer: dict[str, Any], seconds: float) -> bool:
        deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE_SECONDS
        while answer.get("status") != "done":
            if time.monotonic() + pause >= deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            request = self._api().changes().get(**_at(zone), changeId=answer["id"])
            try:
                answer = self._ask(http, zone, request)
            except FederationError:
                return False  # it was accepted, and that is all the port promises
        return True

    def _ask(self, http: Any, zone: ZoneRef, request: Any) -> dict[str, Any]:
        """
        Execute a request.

        Raises:
            Conflict: A record set that it names is not there.
            Invalid: The zone is not there, or the provider refuses the request.
        """
        try:
            with google_errors(zone.unit):
                answer: dict[str, Any] = request.execute(http=http)
                return answer
        except Missing as error:
            if "entity.change" in str(error):
                raise Conflict(str(error)) from error
            raise Invalid(f"project {zone.project} has no managed zone {zone.name}") from error

    def _api(self) -> Any:
        with self._lock:
            if self._service is None:
                discovery = importlib.import_module("googleapiclient.discovery")
                options = {"api_endpoint": self._endpoint} if self._endpoint else None
                # Its own connection is never used: every call brings one.
                self._service = discovery.build(
                    "dns",
                    "v1",
                    http=importlib.import_module("httplib2").Http(),
                    static_discovery=True,
                    client_options=options,
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


def _at(zone: ZoneRef) -> dict[str, str]:
    return {"project": zone.project, "managedZone": zone.name}
