"""`fedingress status`: how every federated Ingress stands."""

import json
from typing import Annotated, Any

import typer

from fedingress.cli.output import Format, Output, emit, say, table
from fedingress.cli.session import choose, home
from fedingress.domain import names
from fedingress.domain.ingress import Source
from fedingress.planning.status import observed_conditions

EXAMPLES = """Examples:

fedingress status

fedingress status shop/shop -o json | python -m json.tool
"""


def status(
    name: Annotated[str, typer.Argument(help="NAME or NAMESPACE/NAME; all when left out.")] = "",
    output: Output = Format.table,
) -> None:
    """Show address, conditions and members; what stands here stands on the Ingress itself."""
    with home() as found:
        shown = [describe(source) for source in choose(found.ports.sources, name)]
    if output is Format.json:
        emit(shown)
    elif name:
        for each in shown:
            _print_one(each)
    else:
        _print_all(shown)


def describe(source: Source) -> dict[str, Any]:
    """One Ingress as JSON: key, addresses, hosts, conditions, clusters."""
    ingress = (source.manifest.get("status") or {}).get("loadBalancer", {}).get("ingress") or ()
    try:
        clusters = json.loads(source.annotations.get(names.TABLE, "{}"))
    except ValueError:
        clusters = {}
    return {
        "ingress": str(source.key),
        "addresses": [str(entry.get("ip") or entry.get("hostname") or "") for entry in ingress],
        "hosts": list(source.ingress.hosts) if source.ingress else [],
        "deleting": source.deleting,
        "conditions": [condition.encode() for condition in observed_conditions(source)],
        "clusters": clusters,
    }


def _print_all(shown: list[dict[str, Any]]) -> None:
    if not shown:
        say("there is no federated Ingress; submit one: fedingress apply -f FOLDER")
        return
    rows = []
    for each in shown:
        healthy = sum(int(row.get("healthy", 0)) for row in each["clusters"].values())
        rows.append(
            [
                each["ingress"],
                ",".join(each["addresses"]) or "-",
                ",".join(each["hosts"]) or "*",
                _stands(each),
                str(healthy),
            ]
        )
    table(["ingress", "address", "hosts", "state", "healthy"], rows)


def _stands(each: dict[str, Any]) -> str:
    """In a word: the reason of the first condition that is not as it should be, else `Ready`."""
    if each["deleting"]:
        return "Deleting"
    verdict = {item["type"]: item for item in each["conditions"]}
    for kind in ("Accepted", "Programmed", "Published"):
        found = verdict.get(kind, {"status": "Unknown", "reason": "Pending"})
        if found["status"] != "True" and found["reason"] != "NoHost":
            return str(found["reason"])
    degraded = verdict.get("Degraded", {})
    return str(degraded["reason"]) if degraded.get("status") == "True" else "Ready"


def _print_one(each: dict[str, Any]) -> None:
    say(
        f"{each['ingress']}  address {', '.join(each['addresses']) or 'none yet'}  "
        f"hosts {', '.join(each['hosts']) or '*'}"
    )
    rows = [
        [item["type"], item["status"], item["reason"], item["message"]]
        for item in each["conditions"]
    ]
    table(["condition", "status", "reason", "message"], rows)
    shared = any("share" in row for row in each["clusters"].values())
    rows = [
        [
            name,
            row.get("state", ""),
            row.get("reason", ""),
            f"{row.get('healthy', 0)}/{row.get('endpoints', 0)}",
            f"{100 * row.get('capacity', 0):.4g} %",
            *([_moves(row)] if shared else []),
            row.get("message", ""),
        ]
        for name, row in sorted(each["clusters"].items())
    ]
    shares = ["deserves"] if shared else []
    table(["cluster", "state", "reason", "healthy", "capacity", *shares, "message"], rows)


def _moves(row: dict[str, Any]) -> str:
    """The share that a member deserves, and the weight that its record has now."""
    if row.get("deserved") is None:
        return "-"
    return f"{100 * row['deserved']:.4g} % (weight {row.get('weight', 0)})"
