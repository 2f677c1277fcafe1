"""
The control API of a world: plain JSON over HTTP on loopback, for ``fedingress local`` and tests.

======  ======================================================  =========================
GET     /state                                                  all there is
POST    /clusters/NAME/{kill,revive}                            power of its pods
POST    /clusters/NAME/api/{up,down,slow,refuse}                ``{"seconds": 2, "status": 403}``
POST    /clusters/NAME/utilization                              ``{"fraction": 0.9}``
POST    /clusters/NAME/addons/http-load-balancing               ``{"disabled": true}``
POST    /workloads/CLUSTER/NAMESPACE/NAME/scale                 ``{"replicas": 3}``
POST    /workloads/CLUSTER/NAMESPACE/NAME/{ready,unready}
POST    /workloads/CLUSTER/NAMESPACE/NAME/slow                  ``{"seconds": 1.5}``
GET     /functions                                              state of the child process
POST    /functions/{start,stop}
POST    /functions/{name}/kill                                  one process, as with SIGKILL
GET     /ports/ADDRESS/PORT                                     where that is, of IPv6
GET     /calls                                                  mutating calls by caller
DELETE  /calls                                                  count from zero
GET     /faults                                                 waiting faults
POST    /faults                                                 ``{"at": NAME, ...Fault}``
DELETE  /faults                                                 forget them
GET     /leftovers                                              what is still there
POST    /stop                                                   end the world
======  ======================================================  =========================

``at`` of a fault is a cluster's name or ``gcp``. Errors are ``{"error": "a sentence"}``.
"""

import dataclasses
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from localcloud.faults import Fault, Faults
from localcloud.kube.errors import ApiError
from localcloud.sixth import LOOPBACK
from localcloud.workloads.control import Workloads
from localcloud.workloads.kubelet import Kubelet
from localcloud.world.cluster import Cluster
from localcloud.world.leftovers import leftovers
from localcloud.world.state import calls, state

if TYPE_CHECKING:
    from localcloud.world.world import World

Handler = Callable[[web.Request], Awaitable[web.Response]]

_MAX_SECONDS = 3600.0


class ControlServer:
    """Serves the control API of one world."""

    def __init__(self, world: "World") -> None:
        self.port = 0
        self._world = world
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free loopback port, which is `port` from then on."""
        app = web.Application(middlewares=[_errors_as_json])
        app.add_routes(
            [
                web.get("/state", self._state),
                web.post("/clusters/{name}/{verb:kill|revive}", self._power),
                web.post("/clusters/{name}/api/{condition}", self._api),
                web.post("/clusters/{name}/utilization", self._utilization),
                web.post("/clusters/{name}/addons/http-load-balancing", self._addon),
                web.post("/workloads/{cluster}/{namespace}/{name}/{verb}", self._workload),
                web.get("/functions", self._functions),
                web.post("/functions/{verb:start|stop}", self._functions),
                web.post("/functions/{name}/kill", self._kill_function),
                web.get("/ports/{address}/{port}", self._port),
                web.get("/calls", self._calls),
                web.delete("/calls", self._clear_calls),
                web.get("/faults", self._faults),
                web.post("/faults", self._add_fault),
                web.delete("/faults", self._clear_faults),
                web.get("/leftovers", self._leftovers),
                web.post("/stop", self._stop),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _state(self, _request: web.Request) -> web.Response:
        return web.json_response(state(self._world))

    async def _power(self, request: web.Request) -> web.Response:
        cluster = self._world.cluster(request.match_info["name"])
        on = request.match_info["verb"] == "revive"
        await cluster.set_power(on=on)
        return web.json_response({"power": on})

    async def _utilization(self, request: web.Request) -> web.Response:
        cluster = self._world.cluster(request.match_info["name"])
        cluster.set_utilization(float((await _body(request))["fraction"]))
        self._world.data_plane.changed()
        return web.json_response({"utilization": cluster.utilization})

    async def _api(self, request: web.Request) -> web.Response:
        cluster = self._world.cluster(request.match_info["name"])
        body = await _body(request)
        await cluster.set_api(
            request.match_info["condition"],
            seconds=_seconds(body.get("seconds", 2.0)),
            status=int(body.get("status", web.HTTPForbidden.status_code)),
        )
        return web.json_response({"api": cluster.api})

    async def _addon(self, request: web.Request) -> web.Response:
        cluster = self._world.cluster(request.match_info["name"])
        if cluster.ingresses is None:
            raise ValueError(f"{cluster.name} has no ingress controller of GKE")
        disabled = bool((await _body(request))["disabled"])
        cluster.ingresses.disable(disabled=disabled)
        return web.json_response({"disabled": disabled})

    async def _workload(self, request: web.Request) -> web.Response:
        words = request.match_info
        verb, body = words["verb"], await _body(request)
        cluster = self._world.cluster(words["cluster"])
        workloads = Workloads(cluster.kube, _kubelet(cluster))
        if verb == "scale":
            workloads.scale(words["namespace"], words["name"], int(body["replicas"]))
        elif verb in ("ready", "unready"):
            workloads.switch(words["namespace"], words["name"], ready=verb == "ready")
        elif verb == "slow":
            seconds = _seconds(body["seconds"])
            workloads.switch(words["namespace"], words["name"], delay_seconds=seconds)
        else:
            raise ValueError(f"a workload can scale, ready, unready, slow; not {verb!r}")
        return web.json_response({})

    async def _functions(self, request: web.Request) -> web.Response:
        verb = request.match_info.get("verb")
        if verb == "start":
            await self._world.functions.start()
        elif verb == "stop":
            await self._world.functions.stop()
        return web.json_response(self._world.functions.state())

    async def _kill_function(self, request: web.Request) -> web.Response:
        self._world.functions.kill(request.match_info["name"])
        return web.json_response(self._world.functions.state())

    async def _port(self, request: web.Request) -> web.Response:
        known = self._world.sixth.list().get(request.match_info["address"], {})
        port = known.get(request.match_info["port"])
        if port is None:
            words = request.match_info
            raise LookupError(f"nothing listens on port {words['port']} of {words['address']}")
        return web.json_response({"address": LOOPBACK, "port": port})

    async def _calls(self, _request: web.Request) -> web.Response:
        return web.json_response({"calls": calls(self._world)})

    async def _clear_calls(self, _request: web.Request) -> web.Response:
        for counter in self._world.call_counters():
            counter.clear()
        return web.json_response({})

    async def _faults(self, _request: web.Request) -> web.Response:
        waiting = [
            {"at": place, **dataclasses.asdict(fault), "headers": dict(fault.headers), "left": left}
            for place, faults in self._world.fault_places().items()
            for fault, left in faults.list()
        ]
        return web.json_response({"faults": waiting})

    async def _add_fault(self, request: web.Request) -> web.Response:
        body = await _body(request)
        self._place(str(body.pop("at", ""))).add(Fault(**body))
        return web.json_response({})

    async def _clear_faults(self, _request: web.Request) -> web.Response:
        for faults in self._world.fault_places().values():
            faults.clear()
        return web.json_response({})

    def _place(self, name: str) -> Faults:
        places = self._world.fault_places()
        if name not in places:
            raise ValueError(f"faults can be at {', '.join(places)}; not {name!r}")
        return places[name]

    async def _leftovers(self, _request: web.Request) -> web.Response:
        return web.json_response(leftovers(self._world))

    async def _stop(self, _request: web.Request) -> web.Response:
        self._world.stop_soon()
        return web.json_response({})


@web.middleware
async def _errors_as_json(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except web.HTTPException as error:
        return web.json_response({"error": error.reason}, status=error.status)
    except ApiError as error:
        return web.json_response({"error": error.message}, status=error.code)
    except LookupError as error:
        return web.json_response({"error": _sentence(error)}, status=404)
    except (ValueError, TypeError) as error:
        return web.json_response({"error": _sentence(error)}, status=400)
    return response


def _kubelet(cluster: Cluster) -> Kubelet:
    if cluster.kubelet is None:
        raise ValueError(f"{cluster.name} runs no pods")
    return cluster.kubelet


def _sentence(error: Exception) -> str:
    return str(error.args[0]) if error.args else type(error).__name__


async def _body(request: web.Request) -> dict[str, Any]:
    text = await request.text()
    body = json.loads(text) if text else {}
    if not isinstance(body, dict):
        raise TypeError("the body is a JSON object")
    return body


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not 0 <= seconds <= _MAX_SECONDS:
        raise ValueError(f"seconds are 0 to {_MAX_SECONDS:g}")
    return seconds
