"""
Who may come through a door: callers by their token, events by their way and their publisher.

A door asks the gate before it touches a store. What is refused raises `Untrusted` with the word
under which it is counted, or `Invalid` for what is no event at all.
"""

# ruff: noqa: PLC0415  `cryptography` and google-auth are loaded by the first check that needs them

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from fedingress.domain.errors import Invalid, Untrusted
from fedingress.domain.event import Event
from fedingress.domain.publisher import PublicKey, Publishers
from fedingress.planning.publishing import claimed_cluster, way
from fedingress.ports.clock import Clock
from fedingress.runtime import event
from fedingress.runtime.event import Arrival
from fedingress.runtime.settings import Settings

if TYPE_CHECKING:
    from fedingress.adapters.sns_signatures import SnsSignatures
    from fedingress.adapters.tokens import Tokens

_SNS: Final = "sns:"


class Gate:
    """
    The checks of one door; safe to call from many threads.

    settings: checked.   concern: the door's.   publishers: reads the registry of keys.
    """

    def __init__(
        self, settings: Settings, concern: str, publishers: Callable[[], Publishers], clock: Clock
    ) -> None:
        self._settings = settings
        self._concern = concern
        self._clock = clock
        self._known = KnownPublishers(publishers, clock)
        self._work = {*_list(settings.work)}
        if settings.bus.startswith(_SNS):
            self._work.add(settings.bus.removeprefix(_SNS))
        self._changes = _list(settings.changes)
        self._lock = threading.Lock()
        self._tokens: Tokens | None = None
        self._signatures: SnsSignatures | None = None

    def admit(self, headers: Mapping[str, str]) -> None:
        """
        Return if whoever calls over HTTP may.

        Raises:
            Untrusted: The token is missing, wrong, or somebody else's.
            Invalid: Nobody said whose tokens are taken.
            Unavailable: The keys of tokens cannot be fetched.
        """
        from fedingress.adapters import tokens

        callers, audience = _list(self._settings.callers), _list(self._settings.audience)
        header = str(headers.get("Authorization") or "")
        if self._settings.tokens == "platform":
            if callers or audience:
                claims = tokens.claimed(tokens.bearer(header), audience)
                if callers:
                    tokens.require_caller(claims, callers)
            return
        if not callers or not audience:
            raise Invalid(
                "FEDINGRESS_CALLERS and FEDINGRESS_AUDIENCE say whose tokens this door takes; both"
                " are needed, or FEDINGRESS_TOKENS=platform where the platform checks who calls"
            )
        claims = self._checker().verified(tokens.bearer(header), audience)
        tokens.require_caller(claims, callers)

    def pushed(self, envelope: Any) -> Event:
        """
        The event of a Pub/Sub push, if it may be acted on.

        Raises:
            Invalid: It is no event.
            Untrusted: Its publisher may not ask for that.
            Unavailable: The registry cannot be read.
        """
        return self._trusted(event.from_push(envelope))

    def delivered(self, record: Any) -> Event:
        """
        The event of an SQS record, if it may be acted on.

        Raises:
            Invalid, Untrusted, Unavailable: As `pushed`; the certificate of SNS, too.
        """
        arrival = event.from_sqs(record)
        if arrival.notification is not None and self._settings.sns_signatures == "verify":
            self._sns().require(arrival.notification)
        return self._trusted(arrival)

    def _trusted(self, arrival: Arrival) -> Event:
        found = arrival.event
        if arrival.via and way(arrival.via, work=self._work, changes=self._changes) == "changes":
            cluster = claimed_cluster(found, self._settings.owner, now=self._clock.now())
            self._require_signature(found, cluster)
        if found.work.concern != self._concern:
            raise Untrusted(
                "wrong-concern",
                f"an event for {found.work.concern} came to the door of {self._concern}",
            )
        return found

    def _require_signature(self, found: Event, cluster: str) -> None:
        from fedingress.adapters.signing import is_signed

        key = self._known.key(cluster, found.keyid)
        if key is None:
            raise Untrusted("unknown-key", f"{cluster} has no key {found.keyid}")
        if not is_signed(found, key):
            raise Untrusted("forged", f"the signature is not that of {cluster}")

    def _checker(self) -> "Tokens":
        from fedingress.adapters.tokens import Tokens

        with self._lock:
            if self._tokens is None:
                self._tokens = Tokens(self._settings.certs)
            return self._tokens

    def _sns(self) -> "SnsSignatures":
        from fedingress.adapters.sns_signatures import SnsSignatures

        with self._lock:
            if self._signatures is None:
                self._signatures = SnsSignatures()
            return self._signatures


class KnownPublishers:
    """
    The registry as this instance remembers it.

    kept_seconds: until it is read again, so that a key which was removed is taken no longer.
    again_seconds: between two reads because of unknown keys, so that nobody makes us read at will.
    """

    def __init__(
        self,
        read: Callable[[], Publishers],
        clock: Clock,
        *,
        kept_seconds: float = 60.0,
        again_seconds: float = 5.0,
    ) -> None:
        self._read = read
        self._clock = clock
        self._kept_seconds = kept_seconds
        self._again_seconds = again_seconds
        self._lock = threading.Lock()
        self._publishers = Publishers()
        self._at = float("-inf")

    def key(self, cluster: str, keyid: str) -> PublicKey | None:
        """
        The key of *cluster* with this id; read again when it is not known.

        Raises:
            Unavailable, Forbidden: The registry cannot be read.
        """
        with self._lock:
            age = abs(self._clock.now() - self._at)
            found = self._publishers.key(cluster, keyid)
            if age > self._kept_seconds or (found is None and age > self._again_seconds):
                self._publishers = self._read()
                self._at = self._clock.now()
                found = self._publishers.key(cluster, keyid)
            return found


def _list(text: str) -> frozenset[str]:
    return frozenset(filter(None, text.split(",")))
