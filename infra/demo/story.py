"""The demo's story, step by step, with the figures it leaves behind."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from fedingress.adapters.kube.resources import INGRESS
from infra.demo.lab import Lab, wait_until
from infra.demo.manifests import Bundle, read
from infra.demo.scenes import MEMBERS, Scene
from infra.demo.tables import show_answers, show_shift
from infra.demo.traffic import Clients, Reply, Stream, Target, served_by, shift_seconds

_REQUESTS = 320
_RATE = 40.0
_ZONE = "example.com"
_LATER = {"Waiting", "Pending"}


@dataclass(slots=True)
class Figures:
    """What `build/demo.json` says of one topology."""

    phases: dict[str, dict[str, Any]] = field(default_factory=dict)
    shift_seconds: float = 0.0
    mutating_calls_converged: int = -1
    left_behind: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def count(self, phase: str, replies: Sequence[Reply]) -> None:
        """Add the replies of a phase."""
        self.phases[phase] = {
            "requests": len(replies),
            "failed": sum(reply.failed for reply in replies),
            "served_by": served_by(replies),
        }

    def total(self, name: str) -> int:
        """`requests` or `failed` over all phases."""
        return sum(int(phase[name]) for phase in self.phases.values())

    def as_json(self) -> dict[str, Any]:
        """Totals, each phase by its name, and what came after."""
        return {
            "requests": self.total("requests"),
            "failed": self.total("failed"),
            "served_by": {name: phase["served_by"] for name, phase in self.phases.items()},
            **self.phases,
            "shift_seconds": self.shift_seconds,
            "mutating_calls_converged": self.mutating_calls_converged,
            "left_behind": self.left_behind,
            "seconds": self.seconds,
        }


class Story:
    """One run."""

    def __init__(self, lab: Lab, folder: Path | None, scene: Scene) -> None:
        self.lab = lab
        self.scene = scene
        self.bundle: Bundle = read(folder, scene.policy(), scene.domain)
        self.folder = folder
        self.out = Console(highlight=False, width=None if Console().is_terminal else 140)
        self.figures = Figures()

    def tell(self) -> Figures:
        """Everything in order."""
        began = time.monotonic()
        self._raise_lab()
        self._submit()
        clients, targets = self._clients()
        self._serve(clients, targets)
        self._fail_over(clients, targets)
        self._converged()
        self._delete()
        self.figures.seconds = round(time.monotonic() - began, 1)
        return self.figures

    def say(self, text: str) -> None:
        """A headline."""
        self.out.print(f"\n[bold]{text}[/bold]")

    def show(self, text: str) -> None:
        """What a command printed."""
        self.out.print(text.rstrip(), markup=False, soft_wrap=True)

    def _raise_lab(self) -> None:
        self.say(f"1. A lab on this machine: {', '.join(MEMBERS)} and a config cluster")
        began = time.monotonic()
        if self.lab.home != "embedded":
            self.show(f"the functions run as on {self.lab.home}; installing them comes first")
        self.lab.start()
        for each in self.bundle.config:
            if each["kind"] == "FederationPolicy":
                self._settle_zones(each)
        for member in MEMBERS:
            self.lab.apply(member, self.bundle.member)
        self.show(f"up in {time.monotonic() - began:.1f} s")
        for sentence in self.bundle.added:
            self.show(f"the demo, not the product: {sentence}")

    def _settle_zones(self, policy: dict[str, Any]) -> None:
        """A hosted zone of Route 53 has an id, which nobody knows before it is made."""
        for zone in policy["spec"]["dns"]["zones"]:
            if zone["provider"] == "route53":
                zone["name"] = self.lab.hosted_zone(zone["domain"])

    def _submit(self) -> None:
        self.say("2. One ordinary Ingress, planned, then submitted once")
        self.show(f"waits of this demo: {self.scene.waits}")
        path = self._written()
        self.show(self.lab.run("plan", "-f", str(path), okay=(0, 2)))
        began = time.monotonic()
        self.show(self.lab.run("apply", "-f", str(path)))
        wait_until("every accepted Ingress to be published", self._all_published, seconds=60)
        self.show(
            f"programmed and published {time.monotonic() - began:.1f} s after it was submitted"
        )
        self.say("3. The address, the conditions, and who carries it")
        wait_until("every endpoint to be healthy", self._all_healthy, seconds=30)
        for ingress in self.bundle.ingresses:
            self.show(self.lab.run("status", _name(ingress)))

    def _all_published(self) -> bool:
        """Each is programmed, and published or known why not; or refused, which is told below."""
        for each in self.lab.status():
            if _condition(each, "Accepted")["status"] == "False":
                continue
            programmed, published = _condition(each, "Programmed"), _condition(each, "Published")
            if programmed["status"] != "True" or published.get("reason", "Pending") in _LATER:
                return False
        return True

    def _all_healthy(self) -> bool:
        stands = [
            each for each in self.lab.status() if _condition(each, "Accepted")["status"] == "True"
        ]
        rows = [row for each in stands for row in each["clusters"].values()]
        return all(row["healthy"] == row["endpoints"] for row in rows)

    def _written(self) -> Path:
        """The manifests as files, for the command line."""
        import yaml  # noqa: PLC0415

        path = Path("build/demo-manifests.yaml")
        path.write_text(yaml.safe_dump_all(self.bundle.config, sort_keys=False), encoding="utf-8")
        return path

    def _clients(self) -> tuple[Clients, list[Target]]:
        """Clients in two regions, and every host and path of the accepted Ingresses as targets."""
        sources = self.lab.sources()
        clients = Clients(
            sources={region: sources[region] for region in self.scene.regions},
            dns=self.lab.env["LOCALCLOUD_DNS"],
            port=int(self.lab.env["LOCALCLOUD_HTTP_PORT"]),
        )
        status = {each["ingress"]: each for each in self.lab.status()}
        targets: list[Target] = []
        for ingress in self.bundle.ingresses:
            targets += self._targets(ingress, status[_name(ingress)])
        outside = sorted({t.host for t in targets if t.host and not t.resolvable})
        if outside:
            self.show(
                f"not in the lab's zone, so asked by Host at the address: {', '.join(outside)}"
            )
        if not targets:
            raise SystemExit("no Ingress was accepted; the conditions above say why")
        return clients, targets

    def _targets(self, ingress: dict[str, Any], stands: dict[str, Any]) -> list[Target]:
        """What one Ingress serves; hosts that it lost to an older one are that one's to answer."""
        accepted = _condition(stands, "Accepted")
        lost = set(re.findall(r"host (\S+) belongs to", accepted["message"]))
        if accepted["status"] != "True":
            self.show(f"{_name(ingress)} is not asked: {accepted['message']}")
            return []
        found = targets_of(ingress["spec"], stands["addresses"][0])
        return [target for target in found if target.host not in lost]

    def _serve(self, clients: Clients, targets: list[Target]) -> None:
        self.say("4. Real requests from two regions, through DNS and the load balancer")
        wait_until(
            "every path to answer in both regions",
            lambda: not any(reply.failed for reply in clients.round(targets, 1)),
            seconds=20,
        )
        each = max(1, -(-_REQUESTS // (len(targets) * len(clients.sources))))
        replies = clients.round(targets, each)
        self.figures.count("before", replies)
        show_answers(self.out, replies)

    def _fail_over(self, clients: Clients, targets: list[Target]) -> None:
        self.say(f"5. The functions are stopped and every pod of {self.scene.dead} dies")
        self.lab.control.functions("stop")
        stream = Stream(clients, targets, rate=_RATE)
        stream.start()
        time.sleep(0.5)
        killed_at = time.monotonic()
        self.lab.control.kill(self.scene.dead)
        time.sleep(6.0)
        replies = [reply for reply in stream.stop() if reply.at >= killed_at]
        self.figures.count("during", replies)
        self.figures.shift_seconds = round(shift_seconds(replies, killed_at, self.scene.dead), 2)
        show_shift(self.out, replies, killed_at, self.figures.shift_seconds)

        self.say("6. The functions start again and the pods come back")
        self.lab.control.functions("start")
        self.lab.control.revive(self.scene.dead)
        near = self.scene.regions[0]
        wait_until(
            f"{self.scene.dead} to serve its region again",
            lambda: clients.ask(near, targets[0]).cluster == self.scene.dead,
            seconds=15 + self.scene.lasts,
        )
        time.sleep(0.5)
        after = clients.round(targets, max(2, 60 // len(targets)))
        self.figures.count("after", after)
        show_answers(self.out, after)

    def _converged(self) -> None:
        self.say("7. A second look at a converged world")
        name = _name(self.bundle.ingresses[0])
        wait_until("the functions to be back", self._functions_run, seconds=10)
        wait_until(
            "an empty plan", lambda: not self.lab.run("plan", okay=(0, 2)).count("  +"), seconds=10
        )
        wait_until("everything to rest", self._rests, seconds=self.scene.lasts)
        self.lab.control.call("DELETE", "/calls")
        self.lab.run("repair", name, "--apply")
        time.sleep(1.5)  # at least one tick more
        calls = self.lab.control.calls("fedingress")
        self.figures.mutating_calls_converged = calls
        self.show(self.lab.run("plan"))
        self.show(f"mutating calls to clouds and clusters, counted at the wire: {calls}")

    def _rests(self) -> bool:
        """Whether nobody wrote anything for some ticks: shares come back step by step."""
        self.lab.control.call("DELETE", "/calls")
        time.sleep(3.0)
        return not self.lab.control.calls("fedingress")

    def _functions_run(self) -> bool:
        return bool(self.lab.control.call("GET", "/functions").get("running"))

    def _delete(self) -> None:
        self.say("8. The Ingress is deleted: " + self.scene.goes)
        began = time.monotonic()
        config = self.lab.connection("config")
        for ingress in self.bundle.ingresses:
            meta = ingress["metadata"]
            config.delete(INGRESS.path(meta["namespace"], meta["name"]))
        try:
            wait_until("everything to be gone", lambda: not self._left(), seconds=25)
        except SystemExit as late:
            self.show(str(late))
        self.figures.left_behind = self._left()
        self.show(
            f"gone after {time.monotonic() - began:.1f} s; left behind: "
            f"{', '.join(self.figures.left_behind) or 'nothing'}"
        )

    def _left(self) -> list[str]:
        found: dict[str, list[Any]] = self.lab.control.leftovers()
        return [f"{kind}: {item}" for kind, items in found.items() for item in items]


def _name(ingress: dict[str, Any]) -> str:
    meta = ingress["metadata"]
    return f"{meta['namespace']}/{meta['name']}"


def _condition(stands: dict[str, Any], kind: str) -> dict[str, str]:
    """One condition of `fedingress status`; unknown while it is not there."""
    unknown = {"type": kind, "status": "Unknown", "message": ""}
    return next((each for each in stands["conditions"] if each["type"] == kind), unknown)


def targets_of(spec: dict[str, Any], vip: str) -> list[Target]:
    """A request for every path, and one for the default backend where there is no rule."""
    found = []
    for rule in spec.get("rules") or ():
        host = str(rule.get("host") or "")
        host = host.replace("*", "any", 1) if host.startswith("*.") else host
        resolvable = host == _ZONE or host.endswith(f".{_ZONE}")
        for path in (rule.get("http") or {}).get("paths") or ():
            at = str(path.get("path") or "/")
            exact = path["pathType"] == "Exact" or at.endswith("/")
            found += [Target(host=host, path=at, vip=vip, resolvable=resolvable)]
            if not exact:
                found += [Target(host=host, path=f"{at}/below", vip=vip, resolvable=resolvable)]
    return found or [Target(host="", path="/", vip=vip, resolvable=False)]
