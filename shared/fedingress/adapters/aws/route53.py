"""
Route 53's hosted zones behind the port `RecordSets`.

Called by the concern `dns`. A zone's `name` is the id of its hosted zone, so that public and
private zones of one domain are told apart.

Source: Route 53 API reference: GetHostedZone, ListResourceRecordSets, ChangeResourceRecordSets,
GetChange; Developer Guide, "Quotas".
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from fedingress.adapters.aws import records
from fedingress.adapters.aws.accounts import Accounts
from fedingress.domain.errors import Conflict, Invalid
from fedingress.domain.policy import ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.ports.guard import Guard

_PAGE: Final = 300
"""Record sets per answer; Route 53 gives no more."""


class Route53RecordSets:
    """The port `RecordSets`; each zone is asked for as someone of its account."""

    def __init__(self, accounts: Accounts) -> None:
        self.call_timeout_seconds = accounts.own.call_timeout_seconds
        self._accounts = accounts
        self._sizes: dict[str, int] = {}

    def domain(self, zone: ZoneRef) -> str:
        """The zone's DNS name without the final dot."""
        found = self._ask(zone, lambda api: api.get_hosted_zone(Id=zone.name))["HostedZone"]
        self._sizes[zone.unit] = int(found.get("ResourceRecordSetCount") or 0)
        return records.name(str(found["Name"]))

    def list(self, zone: ZoneRef) -> Sequence[RecordSet]:
        """Every record set."""
        found = [records.decode(each, zone.name) for each in self._from(zone)]
        self._sizes[zone.unit] = len(found)
        return sorted(found, key=lambda each: each.identity)

    def find(self, zone: ZoneRef, names: Collection[str]) -> Sequence[RecordSet]:
        """
        Every record set of these names.

        Neighbours come on one page; a name costs a call of its own at most, and all of them never
        more than the whole zone.
        """
        if zone.unit not in self._sizes:
            self.domain(zone)
        if len(names) * _PAGE > self._sizes[zone.unit] + _PAGE:
            return [item for item in self.list(zone) if item.name in names]
        found: dict[tuple[str, str, str], RecordSet] = {}
        for name in sorted(names, key=_listing_order):
            if any(item.name == name for item in found.values()):
                continue
            for each in self._from(zone, name):
                item = records.decode(each, zone.name)
                if item.name not in names:
                    break
                found[item.identity] = item
        return [found[key] for key in sorted(found)]

    def change(
        self,
        zone: ZoneRef,
        *,
        deletions: Sequence[RecordSet],
        additions: Sequence[RecordSet],
        guard: Guard,
    ) -> str:
        """
        One batch, in the order given: what is deleted is compared, so that nothing is lost.

        What another choice leads to is deleted after it and created before it by the caller's
        order; see the port.
        """
        if not deletions and not additions:
            return ""
        changes = [_change("DELETE", item, zone) for item in deletions]
        changes += [_change("CREATE", item, zone) for item in additions]
        answer = self._ask(
            zone,
            lambda api: api.change_resource_record_sets(
                HostedZoneId=zone.name, ChangeBatch={"Changes": changes}
            ),
            guard,
        )
        return str(answer["ChangeInfo"]["Id"]).rpartition("/")[2]

    def done(self, zone: ZoneRef, change: str) -> bool:
        """Whether every server of Route 53 has it; a change that is forgotten is long done."""
        try:
            answer = self._ask(zone, lambda api: api.get_change(Id=change))
        except Invalid as error:
            if "NoSuchChange" in str(error):
                return True
            raise
        return bool(answer["ChangeInfo"]["Status"] == "INSYNC")

    def _from(self, zone: ZoneRef, name: str = "") -> Iterator[Mapping[str, Any]]:
        """Record sets in Route 53's order, from *name* on; the next page is read when needed."""
        asked: dict[str, str] = {"HostedZoneId": zone.name, "MaxItems": str(_PAGE)}
        if name:
            asked["StartRecordName"] = f"{name}."
        while True:
            page = self._ask(zone, lambda api, asked=asked: api.list_resource_record_sets(**asked))
            yield from page["ResourceRecordSets"]
            if not page["IsTruncated"]:
                return
            following = {"StartRecordName": page["NextRecordName"]}
            following["StartRecordType"] = page["NextRecordType"]
            if page.get("NextRecordIdentifier"):
                following["StartRecordIdentifier"] = page["NextRecordIdentifier"]
            asked = {"HostedZoneId": zone.name, "MaxItems": str(_PAGE), **following}

    def _ask(self, zone: ZoneRef, call: Any, guard: Guard | None = None) -> Mapping[str, Any]:
        """
        Make one request.

        Raises:
            Conflict: What stands differs from what the batch expects.
            Invalid: There is no such zone, or Route 53 refuses the batch.
        """
        clients = self._accounts.of(zone)
        api = clients.get("route53")
        try:
            answer: Mapping[str, Any] = clients.ask(
                zone.unit, lambda: call(api), paced=True, guard=guard
            )
        except Conflict:
            raise
        except Invalid as error:
            if "NoSuchHostedZone" in str(error):
                raise Invalid(f"account {zone.project} has no hosted zone {zone.name}") from error
            raise
        return answer


def _change(action: str, item: RecordSet, zone: ZoneRef) -> dict[str, Any]:
    return {"Action": action, "ResourceRecordSet": records.encode(item, zone.name)}


def _listing_order(name: str) -> list[str]:
    return list(reversed(name.split(".")))
