"""
The home on Google Cloud, on one machine: topics, a store, a process for each function, a scheduler.

Pub/Sub is our own, whose pushes carry tokens and whose filters filter (Google's emulator does
neither); the store is Google's Firestore emulator, or a file where that is not installed, which is
said. Each function is what ships: staged, installed by its locked hashes in an environment of its
own, and served by functions-framework.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from localcloud.homes import HomeError, Process, topics
from localcloud.homes.scheduler import Scheduler
from localcloud.homes.servers import PubSub, answers, firestore, free_port
from localcloud.homes.staged import installed
from localcloud.homes.watchers import watchers

PROJECT = "lab-functions"
"""Of the functions; the load balancer and the clusters are in another one."""
OPERATOR = f"operator@{PROJECT}.iam.gserviceaccount.com"
SCHEDULER = f"scheduler@{PROJECT}.iam.gserviceaccount.com"
PUSHER = f"pusher@{PROJECT}.iam.gserviceaccount.com"
_CALLERS = {"tick": SCHEDULER, "repair": OPERATOR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """
    What a home must know of its world.

    state: the folder for logs and keys.   kubeconfig: a context for each cluster, and `config`.
    members: names.   tick_seconds: between two calls of the scheduler.
    """

    state: Path
    kubeconfig: Path
    members: Sequence[str]
    tick_seconds: float


class GcpHome:
    """From `start` to `close`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._stack = AsyncExitStack()
        self._pubsub = PubSub(site.state / "pubsub.log")
        self._store: Mapping[str, str] = {}
        self._doors: dict[str, tuple[Path, Path, int]] = {}
        self.notes: list[str] = []

    async def start(self) -> None:
        """
        Bring up bus, store and scheduler, and install the functions.

        Raises:
            HomeError: Something cannot be started or installed.
        """
        try:
            self._stack.push_async_callback(self._pubsub.close)
            staged, _, _ = await asyncio.gather(
                asyncio.to_thread(installed, "gcp"), self._pubsub.up(), self._start_store()
            )
            self._doors = {
                name: (python, folder, free_port()) for name, (python, folder) in staged.items()
            }
            urls = {name: self._url(name) for name in self._doors}
            await asyncio.to_thread(topics.create, self._pubsub.endpoint, PROJECT, PUSHER, urls)
            scheduler = Scheduler(
                urls["tick"],
                seconds=self._site.tick_seconds,
                identity=self._identity(SCHEDULER),
            )
            scheduler.start()
            self._stack.push_async_callback(scheduler.close)
        except BaseException:
            await self._stack.aclose()
            raise

    async def close(self) -> None:
        """End everything; twice is harmless."""
        await self._stack.aclose()

    async def ready(self) -> None:
        """
        Return once every door has been loaded and answers.

        Raises:
            HomeError: One does not, in time.
        """
        await asyncio.gather(*(answers(self._url(name), see=f"{name}.log") for name in self._doors))

    def environment(self) -> Mapping[str, str]:
        """Where bus and store are, and how a person calls `repair`."""
        return {
            "FEDINGRESS_BUS": f"pubsub:{PROJECT}/{topics.WORK}",
            "FEDINGRESS_PUBSUB_ENDPOINT": f"http://{self._pubsub.endpoint}",
            **self._store,
            "LOCALCLOUD_PUBSUB": self._pubsub.endpoint,
            "LOCALCLOUD_REPAIR": self._url("repair"),
            "LOCALCLOUD_IDENTITY": self._identity(OPERATOR),
        }

    def processes(self) -> Mapping[str, Process]:
        """The doors, then the watchers."""
        site = self._site
        found = {name: self._door(name) for name in self._doors}
        return {
            **found,
            **watchers(
                site.members,
                bus=f"pubsub:{PROJECT}/{topics.CHANGES}",
                kubeconfig=site.kubeconfig,
                folder=site.state / "watchers",
            ),
        }

    async def _start_store(self) -> None:
        try:
            server, port = firestore(self._site.state / "firestore.log")
        except HomeError as missing:
            self.notes.append(f"{missing}; the functions keep their state in a file")
            return
        self._stack.push_async_callback(server.close)
        await server.start()
        await server.listening(port)
        # the first look of a cold Java takes seconds; nobody else's deadline shall pay for it
        url = f"http://127.0.0.1:{port}/v1/projects/{PROJECT}/databases/(default)/documents"
        await answers(url, see="firestore.log")
        self._store = {
            "FEDINGRESS_STORE": f"firestore:{PROJECT}",
            "FIRESTORE_EMULATOR_HOST": f"127.0.0.1:{port}",
        }

    def _door(self, name: str) -> Process:
        python, folder, port = self._doors[name]
        words = ("--target", "on_push", "--signature-type", "http", "--host", "127.0.0.1")
        source = str(folder / "main.py")
        subscriptions = f"projects/{PROJECT}/subscriptions"
        settings = {
            "FEDINGRESS_CALLERS": _CALLERS.get(name, PUSHER),
            "FEDINGRESS_AUDIENCE": topics.AUDIENCE,
            "FEDINGRESS_CERTS": self._pubsub.certs_url,
        }
        if name in topics.CONCERNS:
            settings["FEDINGRESS_WORK"] = f"{subscriptions}/{topics.subscription_of(name)}"
        if name == "fanout":
            settings["FEDINGRESS_CHANGES"] = f"{subscriptions}/{topics.CHANGES}"
        return Process(
            command=(
                *(str(python), "-m", "functions_framework", *words),
                *("--port", str(port), "--source", source),
            ),
            # the environment's own packages and no others, compiled once
            environment={
                **settings,
                "PYTHONPATH": "",
                "PYTHONDONTWRITEBYTECODE": "",
                "GUNICORN_CMD_ARGS": "--no-control-socket",  # one for all of a user
            },
        )

    def _url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._doors[name][2]}/"

    def _identity(self, email: str) -> str:
        return f"{self._pubsub.identity_url.format(email=email)}?audience={topics.AUDIENCE}"
