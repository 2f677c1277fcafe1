"""One small document over HTTP, for keys and certificates that others publish."""

import urllib.error
import urllib.request
from typing import Final

from fedingress.domain.errors import Unavailable

_LARGEST: Final = 1 << 16
_SECONDS: Final = 5.0
_SCHEMES: Final = ("https://", "http://")


class _Straight(urllib.request.HTTPRedirectHandler):
    """No redirects: the address was checked, another one was not."""

    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        """Refuse."""


def fetch(url: str) -> bytes:
    """
    The document at *url*, of at most 64 KiB; waits 5 s at most for each answer.

    The caller has decided that this address may be asked.

    Raises:
        Unavailable: It does not answer, or with something else.
    """
    if not url.startswith(_SCHEMES):
        raise Unavailable(f"{url[:128]} is no http or https URL")
    # plain http is for keys on this machine, which no proxy of the environment knows
    proxies = urllib.request.ProxyHandler(None if url.startswith("https") else {})
    opener = urllib.request.build_opener(_Straight, proxies)
    try:
        with opener.open(url, timeout=_SECONDS) as answer:
            body: bytes = answer.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        raise Unavailable(f"{url[:128]} does not answer: {error}") from error
    if len(body) > _LARGEST:
        raise Unavailable(f"{url[:128]} answers with more than {_LARGEST} bytes")
    return body
