"""`fedingress apply`: manifests into the config cluster, and how they fare."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from fedingress.cli.output import Format, Output, emit, table, wait_for
from fedingress.cli.session import home
from fedingress.cli.status import describe
from fedingress.domain.errors import Invalid
from fedingress.domain.ingress import Fault, IngressKey

WaitSeconds = Annotated[
    float, typer.Option("--wait", help="Seconds to wait until each Ingress is programmed.")
]


def apply(
    filename: Annotated[Path, typer.Option("--filename", "-f", help="A file or a directory.")],
    wait: WaitSeconds = 0.0,
    output: Output = Format.table,
) -> None:
    """Apply manifests to the config cluster; every fault is told and the rest goes on."""
    from fedingress.adapters.kube.manifests import apply_manifests  # noqa: PLC0415
    from fedingress.runtime.settings import read  # noqa: PLC0415
    from fedingress.runtime.wire import config_connection  # noqa: PLC0415

    documents, faults = read_manifests(filename)
    settings = read()
    if settings.sources != "cluster":
        raise Invalid("the sources are a directory; put the manifests there")
    applied = apply_manifests(config_connection(settings, "cli"), documents)
    rows = [[each.kind, each.namespace, each.name, each.action, each.reason] for each in applied]
    rows += [["?", "", fault.where, "failed", str(fault)] for fault in faults]
    ingresses = [
        IngressKey(namespace=each.namespace, name=each.name)
        for each in applied
        if each.kind == "Ingress" and each.action != "failed"
    ]
    stood = _watch(ingresses, wait) if wait and ingresses else []
    columns = ["kind", "namespace", "name", "action", "reason"]
    if output is Format.json:
        emit(
            {
                "objects": [dict(zip(columns, row, strict=True)) for row in rows],
                "ingresses": stood,
            }
        )
    else:
        table("", columns, rows)
    if any(row[3] == "failed" for row in rows):
        raise typer.Exit(1)
    if wait and not all(_ready(each) for each in stood):
        raise Invalid(f"not programmed within {wait:g} s; see: fedingress status NAME")


def read_manifests(path: Path) -> tuple[list[dict[str, Any]], list[Fault]]:
    """
    Every object in a file, or in the YAML and JSON files of a directory, and every fault.

    Raises:
        Invalid: There is no such path.
    """
    from fedingress.adapters.directory.documents import load  # noqa: PLC0415

    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix in {".yaml", ".yml", ".json"})
    elif path.is_file():
        files = [path]
    else:
        raise Invalid(f"{path} does not exist")
    documents: list[dict[str, Any]] = []
    faults: list[Fault] = []
    for file in files:
        loaded = load(file.read_text(encoding="utf-8", errors="replace"), str(file))
        documents += [dict(document.manifest) for document in loaded.documents]
        faults += loaded.faults
    return documents, faults


def _watch(keys: list[IngressKey], seconds: float) -> list[dict[str, Any]]:
    """Wait until all are programmed and published, and give their status."""
    with home() as found:
        sources = found.ports.sources

        def look() -> list[dict[str, Any]]:
            seen = [sources.get(key) for key in keys]
            return [describe(source) for source in seen if source is not None]

        def done() -> tuple[bool, str]:
            seen = look()
            return all(_ready(each) for each in seen), "; ".join(map(_says, seen))

        wait_for(done, seconds=seconds, pause=time.sleep, now=time.monotonic)
        return look()


_WAITING = frozenset({"Waiting", "Pending"})


def _ready(each: dict[str, Any]) -> bool:
    """Programmed, and published or known why not; or refused, which waiting does not mend."""
    verdict = {item["type"]: item for item in each["conditions"]}
    if verdict.get("Accepted", {}).get("status") == "False":
        return True
    programmed = verdict.get("Programmed", {}).get("status") == "True"
    return programmed and verdict.get("Published", {}).get("reason") not in _WAITING


def _says(each: dict[str, Any]) -> str:
    waiting = [
        f"{item['type']}: {item['message']}"
        for item in each["conditions"]
        if item["status"] != "True" and item["type"] != "Degraded"
    ]
    return f"{each['ingress']}: {'; '.join(waiting) or 'submitted'}"
