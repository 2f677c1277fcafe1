"""The lab of the demo: started, asked, and ended whatever happens."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fedingress.adapters.kube import connect
from fedingress.adapters.kube.connection import Connection
from fedingress.adapters.kube.manifests import Applied, apply_manifests
from localcloud.control_client import ControlClient

STATE = Path("build/demo-lab")
_UP_SECONDS = 620.0
"""A cloud's home installs each function for itself the first time."""


class Lab:
    """A world of its own, in `build/demo-lab`, and the product's command line pointed at it."""

    def __init__(self, home: str = "embedded") -> None:
        """*home*: where the functions run, as `fedingress local up --home` has it."""
        self.home = home
        self.env: dict[str, str] = dict(os.environ)  # noqa: TID251  handed on to child processes
        self.env["FEDINGRESS_LOCAL"] = str(STATE.absolute())
        self.bin = Path(sys.executable).parent
        self.env["PATH"] = f"{self.bin}{os.pathsep}{self.env.get('PATH', '')}"

    def start(self) -> None:
        """Start the world and the functions in it; take over its variables."""
        self.run("local", "down", check=False)
        self.env |= {"FEDINGRESS_TICK_SECONDS": "1"}
        self.run("local", "up", "--detach", "--home", self.home, seconds=_UP_SECONDS)
        self.env |= json.loads(self.run("local", "env", "--output", "json"))
        self.control = ControlClient(self.env["LOCALCLOUD_CONTROL"])

    def stop(self) -> None:
        """End everything."""
        self.run("local", "down", check=False)

    def run(
        self, *words: str, check: bool = True, okay: Sequence[int] = (0,), seconds: float = 120
    ) -> str:
        """
        Run `fedingress WORDS`; gives its standard output.

        Raises:
            SystemExit: It failed; its words are printed.
        """
        done = subprocess.run(  # noqa: S603  our own command line
            [str(self.bin / "fedingress"), *words],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        if check and done.returncode not in okay:
            print(done.stdout)
            raise SystemExit(f"fedingress {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def connection(self, context: str) -> Connection:
        """To one cluster, as its administrator."""
        return connect.from_kubeconfig(self.env["KUBECONFIG"], context=context, concern="demo")

    def hosted_zone(self, domain: str) -> str:
        """The id of a hosted zone of Route 53."""
        import boto3  # noqa: PLC0415  only the story of topology aws needs it

        route53 = boto3.client(
            "route53",
            endpoint_url=self.env["AWS_ENDPOINT_URL_ROUTE_53"],
            region_name=self.env["AWS_DEFAULT_REGION"],
            aws_access_key_id=self.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.env["AWS_SECRET_ACCESS_KEY"],
        )
        found = route53.list_hosted_zones_by_name(DNSName=f"{domain}.", MaxItems="1")
        return str(found["HostedZones"][0]["Id"]).removeprefix("/hostedzone/")

    def apply(self, context: str, documents: Sequence[dict[str, Any]]) -> Sequence[Applied]:
        """
        Apply to one cluster.

        Raises:
            SystemExit: An object was refused.
        """
        applied = apply_manifests(self.connection(context), documents)
        refused = [each for each in applied if each.action == "failed"]
        if refused:
            raise SystemExit(
                "\n".join(f"{each.kind} {each.name}: {each.reason}" for each in refused)
            )
        return applied

    def sources(self) -> dict[str, str]:
        """Region -> source address of its clients."""
        regions = self.env["LOCALCLOUD_REGIONS"].split()
        return {
            region: self.env[f"LOCALCLOUD_CLIENT_{region.upper().replace('-', '_')}"]
            for region in regions
        }

    def status(self) -> list[dict[str, Any]]:
        """`fedingress status` for machines."""
        found: list[dict[str, Any]] = json.loads(self.run("status", "--output", "json"))
        return found


def wait_until(what: str, done: Callable[[], Any], *, seconds: float) -> Any:
    """
    The first true answer of *done*.

    Raises:
        SystemExit: There was none in time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := done():
            return found
        time.sleep(0.1)
    raise SystemExit(f"waited {seconds:g} s in vain for {what}")
