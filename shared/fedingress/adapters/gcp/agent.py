"""
Who we are for Google's APIs: the application default credentials and our User-Agent.

Called by the clients of this package at their first call, never at import.
"""

import functools
import importlib
from importlib import metadata
from typing import Any, Final

from fedingress.adapters.gcp.errors import google_errors

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"


@functools.cache
def user_agent() -> str:
    """`fedingress/VERSION`, which Google's logs and the local cloud's counters show."""
    return f"fedingress/{metadata.version('federated-ingress')}"


def default_credentials() -> Any:
    """
    The application default credentials: a variable, a file, or the metadata server.

    Raises:
        Forbidden: There are none.
        Unavailable: The metadata server does not answer.
    """
    auth = importlib.import_module("google.auth")
    with google_errors("application default credentials"):
        credentials, _ = auth.default(scopes=[SCOPE])
    return credentials


def refresh(credentials: Any) -> None:
    """
    Get a token if there is none that lives on.

    Raises:
        Forbidden: The credentials are refused.
        Unavailable: The token's issuer does not answer.
    """
    if credentials.valid:
        return
    transport = importlib.import_module("google.auth.transport.requests")
    requests = importlib.import_module("requests")
    with google_errors("application default credentials"), requests.Session() as session:
        credentials.refresh(transport.Request(session))
