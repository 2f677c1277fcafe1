"""The state of a world as tables for people: what ``fedingress local status`` prints."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table


def show(state: Mapping[str, Any]) -> None:
    """Print the state that ``GET /state`` gives."""
    console = Console(highlight=False)
    console.print(_clusters(state))
    if any(cluster["workloads"] for cluster in state["clusters"]):
        console.print(_workloads(state))
    tell = partial(console.print, soft_wrap=True)
    tell("VIPs       " + (" ".join(state["vips"]) or "none"))
    for neg in state["negs"]:
        endpoints = " ".join(neg["endpoints"]) or "no endpoints"
        tell(f"NEG        {neg['path'].split('/', 2)[-1]}: {endpoints}")
    for group in state["instance_groups"]:
        instances = " ".join(group["instances"]) or "no instances"
        ports = " ".join(group["ports"]) or "no named ports"
        tell(f"Group      {group['path'].split('/', 2)[-1]}: {instances}, {ports}")
    for balancer in state["load_balancers"]:
        targets = ", ".join(balancer["targets"]) or "no targets"
        tell(f"{balancer['kind']}        {balancer['name']} at {balancer['address']}: {targets}")
    tell("Functions  " + functions_line(state["functions"]))


def functions_line(functions: Mapping[str, Any]) -> str:
    """Give one line on the functions' process, or several."""
    if functions["running"] and "processes" in functions:
        return f"running: {', '.join(functions['processes'])}"
    if functions["running"]:
        return f"running as process {functions['pid']}, output in {functions['log']}"
    return str(functions["fault"] or "stopped")


def _clusters(state: Mapping[str, Any]) -> Table:
    table = Table("cluster", "provider", "region", "API", "pods", box=None)
    for cluster in state["clusters"]:
        listening = sum(pod["listening"] for pod in cluster["pods"])
        power = f"{listening} listening" if cluster["power"] else "no power"
        table.add_row(
            cluster["name"],
            cluster["provider"],
            cluster["region"],
            cluster["api"],
            power if cluster["provider"] else "",
        )
    return table


def _workloads(state: Mapping[str, Any]) -> Table:
    table = Table("cluster", "workload", "replicas", "ready", box=None)
    for cluster in state["clusters"]:
        for workload in cluster["workloads"]:
            table.add_row(
                cluster["name"],
                f"{workload['namespace']}/{workload['name']}",
                str(workload["replicas"]),
                str(workload["ready"]),
            )
    return table
