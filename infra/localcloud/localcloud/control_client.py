"""
The control API's client, for the command line and for tests; the standard library only.

Quick to import: the command line must not load the servers to ask a question.
"""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit


class ControlError(RuntimeError):
    """The control API refused, or nobody answers; the text says which."""


class ControlClient:
    """Talks to one world."""

    def __init__(self, url: str, *, timeout_seconds: float = 30.0) -> None:
        """Talk to the control API at *url*, as in ``LOCALCLOUD_CONTROL``."""
        self._place = urlsplit(url).netloc
        self._timeout_seconds = timeout_seconds

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """
        Send one request and give the JSON that comes back.

        Raises:
            ControlError: Status 400 or more, or no answer.
        """
        connection = http.client.HTTPConnection(self._place, timeout=self._timeout_seconds)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method.upper(), path, text, {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise ControlError(
                f"the local cloud at {self._place} does not answer: {error}"
            ) from error
        finally:
            connection.close()
        answer = json.loads(content) if content else None
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            words = answer.get("error") if isinstance(answer, dict) else content.decode()
            raise ControlError(f"{method} {path}: {words}")
        return answer

    def state(self) -> Any:
        """Give the state of the world."""
        return self.call("GET", "/state")

    def kill(self, cluster: str) -> None:
        """Cut the power of a cluster's pods; nobody is left to report it."""
        self.call("POST", f"/clusters/{cluster}/kill")

    def revive(self, cluster: str) -> None:
        """Give a cluster's pods their power back."""
        self.call("POST", f"/clusters/{cluster}/revive")

    def api(self, cluster: str, condition: str, **details: Any) -> None:
        """Make an API server ``down``, ``up``, ``slow`` or ``refuse``."""
        self.call("POST", f"/clusters/{cluster}/api/{condition}", details)

    def workload(self, cluster: str, namespace: str, name: str, verb: str, **details: Any) -> Any:
        """Do ``scale`` (replicas), ``unready``, ``ready`` or ``slow`` (seconds) to a workload."""
        return self.call("POST", f"/workloads/{cluster}/{namespace}/{name}/{verb}", details)

    def utilization(self, cluster: str, fraction: float) -> None:
        """Say how much of the CPU of a cluster's nodes is used."""
        self.call("POST", f"/clusters/{cluster}/utilization", {"fraction": fraction})

    def http_load_balancing(self, cluster: str, *, disabled: bool) -> None:
        """Stop or start the ingress controller of a GKE cluster, which groups its nodes."""
        path = f"/clusters/{cluster}/addons/http-load-balancing"
        self.call("POST", path, {"disabled": disabled})

    def functions(self, verb: str) -> Any:
        """``stop`` or ``start`` the functions; gives their state."""
        return self.call("POST", f"/functions/{verb}")

    def calls(self, caller_prefix: str = "") -> int:
        """Give the number of mutating calls by callers of that prefix, on all wires."""
        return sum(
            call["count"]
            for call in self.call("GET", "/calls")["calls"]
            if call["caller"].startswith(caller_prefix)
        )

    def leftovers(self) -> Any:
        """Give everything that a user or the product made and that is still there."""
        return self.call("GET", "/leftovers")
