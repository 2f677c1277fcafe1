"""
Certificates that Google issues: provisioned once their names lead to the load balancer.

The world tells it to look whenever an object or a zone changed. A certificate is issued when an
HTTPS proxy that a forwarding rule leads to shows it, and every domain of it resolves to addresses
of such rules; until then each domain says why not.

Source: Google Cloud, "Google-managed SSL certificate status" and "Domain status".

Not modelled: renewal, CAA records, the 60 minutes that it may take.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from localcloud.gcp.references import path_of
from localcloud.gcp.resources import Resources

Issue = Callable[[Sequence[str]], tuple[str, str]]
"""Gives chain and key in PEM for the domains."""
ACTIVE, WAITING, NOT_VISIBLE = "ACTIVE", "PROVISIONING", "FAILED_NOT_VISIBLE"


class ManagedCertificates:
    """Provisions the managed certificates of all projects."""

    def __init__(
        self, resources: Resources, *, resolve: Callable[[str], Sequence[str]], issue: Issue
    ) -> None:
        """
        Look for nothing yet.

        Args:
            resources: Where certificates, proxies and rules are.
            resolve: The addresses that public DNS gives for a name, without final dot.
            issue: Makes a certificate.
        """
        self._resources = resources
        self._resolve = resolve
        self._issue = issue

    def look(self) -> None:
        """Issue what can be issued, and say of the other domains what is wrong."""
        for path in self._waiting():
            certificate = self._resources.objects[path]
            before = certificate["managed"]
            places = set(self._addresses(path))
            found = {domain: self._state(domain, places) for domain in before["domains"]}
            whole = ACTIVE if set(found.values()) == {ACTIVE} else WAITING
            after = {**before, "status": whole, "domainStatus": found}
            if after == before:
                continue
            self._resources.objects[path] = {**certificate, "managed": after}
            if whole == ACTIVE:
                chain, key = self._issue(before["domains"])
                self._resources.private_keys[path] = key
                names = sorted(before["domains"])
                self._resources.objects[path] |= {
                    "certificate": chain,
                    "subjectAlternativeNames": names,
                }
            self._resources.changed(path)

    def _waiting(self) -> list[str]:
        return [
            path
            for path, item in self._resources.objects.items()
            if path.split("/")[-2] == "sslCertificates"
            and item.get("type") == "MANAGED"
            and item["managed"].get("status") != ACTIVE
        ]

    def _state(self, domain: str, places: set[str]) -> str:
        if not places:
            return WAITING
        found = set(self._resolve(domain))
        return ACTIVE if found and found <= places else NOT_VISIBLE

    def _addresses(self, certificate: str) -> Iterator[str]:
        """Where a client would be shown the certificate."""
        for path, rule in list(self._resources.objects.items()):
            if path.split("/")[-2] == "forwardingRules":
                proxy: dict[str, Any] = self._resources.linked(rule["target"]) or {}
                shown = proxy.get("sslCertificates") or ()
                if certificate in map(path_of, shown):
                    yield str(rule["IPAddress"])
