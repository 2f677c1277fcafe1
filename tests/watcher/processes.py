"""A watcher as a process of its own, its topic, and somebody who follows what it publishes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import yaml
from google.api_core.exceptions import GoogleAPICallError

from tests.adapters.kube.running import TOKEN
from tests.localcloud.pubsub.servers import Desk
from tests.watcher.links import until

ROOT = Path(__file__).parents[2]
OWNER = "lab"
QUICK = {"FEDINGRESS_DEBOUNCE_SECONDS": "0.05", "FEDINGRESS_SILENCE_SECONDS": "2"}


def kubeconfig(folder: Path, cluster, *, port: int = 0, token: str = TOKEN) -> Path:
    """A file that leads to *cluster*, through *port* if given."""
    authority = folder / "ca.crt"
    authority.write_text(cluster.ca_data, encoding="utf-8")
    server = f"https://127.0.0.1:{port or cluster.port}"
    written = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [
            {"name": "it", "cluster": {"server": server, "certificate-authority": str(authority)}}
        ],
        "users": [{"name": "it", "user": {"token": token}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(written), encoding="utf-8")
    return path


class Watcher:
    """`fedingress-watcher`, started as often as wanted on the same settings."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.log = folder / "watcher.log"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("FEDINGRESS_")}
        path = {"PYTHONPATH": f"{ROOT / 'shared'}:{ROOT / 'infra' / 'localcloud'}"}
        self._env = {**inherited, **path, "FEDINGRESS_HEALTH": "127.0.0.1:0", **settings}
        self.process: subprocess.Popen | None = None
        self._said = 0

    def start(self) -> None:
        """Begin, and wait until the health port is told."""
        self._said = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "fedingress.runtime.watcher"],
                env=self._env,
                stdout=output,
                stderr=output,
            )
        assert until(lambda: "health on port" in self.said() or self.ended, seconds=30), self.said()
        assert not self.ended, self.said()
        self.port = int(self.said().rsplit("health on port ", 1)[1].split()[0])

    @property
    def ended(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None

    def said(self) -> str:
        """The log since the last start."""
        return self.log.read_bytes()[self._said :].decode()

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of one of its pages."""
        url = f"http://127.0.0.1:{self.port}{path}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(url, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def metrics(self) -> dict[str, float]:
        """Every sample of the metrics page by its name and labels."""
        status, text = self.get("/metrics")
        assert status == 200
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def memory(self) -> int:
        """Resident kilobytes now."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(status.split("VmRSS:")[1].split()[0])

    def kill(self) -> None:
        """As a power cut does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)

    def stop(self) -> int:
        """As a kubelet does; its exit status."""
        assert self.process is not None
        if not self.ended:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def restart(self) -> None:
        self.kill()
        self.start()


@contextlib.contextmanager
def watcher(folder: Path, **settings: str) -> Iterator[Watcher]:
    """A watcher that runs inside the block; what it logged stands in an assertion's words."""
    found = Watcher(folder, settings)
    found.start()
    try:
        yield found
    finally:
        found.stop()


class Follower:
    """
    Does what `fanout` does with an event, in small: looks at the unit, and remembers what it saw.

    *look* gives the truth on one unit. If the watcher tells enough, `seen` ends equal to the truth.
    """

    def __init__(self, desk: Desk, topic: str, look: Callable[[str], object]) -> None:
        self.seen: dict[str, object] = {}
        self.events: list[dict] = []
        self._look = look
        self._desk = desk
        self._subscription = desk.subscription(topic, "fanout")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join(20)

    def units(self) -> list[str]:
        return [event["data"]["unit"] for event in list(self.events)]

    def quiet(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        before = len(self.events)
        time.sleep(seconds)
        return len(self.events) == before

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                received = self._desk.pull(self._subscription, most=500, seconds=0.5)
                if received:
                    self._desk.acknowledge(self._subscription, *received)
            except GoogleAPICallError:  # the topic is away
                time.sleep(0.05)
                continue
            for each in received:
                event = json.loads(each.message.data)
                unit = event["data"]["unit"]
                truth = self._look(unit)
                if truth is None:
                    self.seen.pop(unit, None)
                else:
                    self.seen[unit] = truth
                self.events.append(event)
