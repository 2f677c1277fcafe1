"""One request as the services see it, and who sent it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.calls import caller_of
from localcloud.gcp.discovery import Method

# Tokens that Google's client libraries put into User-Agent and X-Goog-Api-Client by themselves;
# what stands beside them is the name that the calling program gave itself.
_LIBRARY_TOKENS = frozenset(
    {
        "auth",
        "auth-request-type",
        "cred-type",
        "gapic",
        "gax",
        "gccl",
        "gdcl",
        "gl-python",
        "google-api-python-client",
        "grpc",
        "pb",
        "python-httplib2",
        "python-requests",
        "python-urllib3",
        "rest",
        "(gzip)",
        "gzip",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """
    One request that a method of an API serves.

    Attributes:
        values: Path parameters.
        body: As the schema of the request understands it; empty when the method has none.
    """

    method: Method
    values: Mapping[str, str]
    query: Mapping[str, str]
    body: dict[str, Any]

    @property
    def project(self) -> str:
        """Give the project that is called."""
        return self.values["project"]

    @property
    def id(self) -> str:
        """Give the permission-like name, ``compute.backendServices.insert``."""
        return self.method.id


def caller(headers: Mapping[str, str]) -> str:
    """
    Give the name of the calling program.

    The first token of User-Agent or X-Goog-Api-Client that no client library puts there by
    itself; the first one of all when there is no such token.
    """
    agent = headers.get("User-Agent", "")
    for token in f"{agent} {headers.get('X-Goog-Api-Client', '')}".split():
        name = token.partition("/")[0]
        if "/" in token and name.lower() not in _LIBRARY_TOKENS:
            return name
    return caller_of(agent)
