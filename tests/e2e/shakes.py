"""TLS visitors of a site: handshakes with a name, requests over them, and a load of both."""

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from cryptography import x509

from tests.certificates import AUTHORITY

_SECONDS = 10.0


def trusting(lowest: ssl.TLSVersion | None = None, highest: ssl.TLSVersion | None = None):
    """A client's context that trusts the tests' own authority."""
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    if lowest:
        context.minimum_version = lowest
    if highest:
        context.maximum_version = highest
    return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Shake:
    """What one handshake and one request met; serial: of the certificate that was shown."""

    status: int
    serial: int
    names: tuple[str, ...]
    version: str
    head: str


def shake(address: str, port: int, host: str, *, source: str, context=None, path: str = "/"):
    """
    Greet *host* at *address*, check its certificate, and ask for a page.

    Raises:
        OSError: No connection, or no handshake.
    """
    context = context or trusting()
    with (
        socket.create_connection((address, port), timeout=_SECONDS, source_address=source) as wire,
        context.wrap_socket(wire, server_hostname=host) as secure,
    ):
        shown = x509.load_der_x509_certificate(secure.getpeercert(binary_form=True))
        names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        secure.sendall(request.encode())
        answer = b""
        while block := secure.recv(65536):
            answer += block
        head = answer.partition(b"\r\n\r\n")[0].decode()
        return Shake(
            status=int(head.split(" ")[1]) if head else 0,
            serial=shown.serial_number,
            names=tuple(names.get_values_for_type(x509.DNSName)),
            version=str(secure.version()),
            head=head,
        )


@dataclass(slots=True)
class Load:
    """What a steady load met: good handshakes by host, and every failure in words."""

    good: dict[str, list[int]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


@contextmanager
def load(address: str, port: int, hosts: Sequence[str], *, source: str) -> Iterator[Load]:
    """Handshakes and requests for each of *hosts*, one thread each, as long as this is open."""
    found, over = Load(), threading.Event()
    found.good = {host: [] for host in hosts}

    def greet(host: str) -> None:
        while not over.is_set():
            try:
                met = shake(address, port, host, source=(source, 0))
            except OSError as error:
                found.failures.append(f"{host}: {error!r}")
                continue
            if met.status == 200:
                found.good[host].append(met.serial)
            else:
                found.failures.append(f"{host}: {met.head.splitlines()[:1]}")
            over.wait(0.03)

    threads = [threading.Thread(target=greet, args=(host,)) for host in hosts]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        over.set()
        for thread in threads:
            thread.join(_SECONDS)
