"""`fedingress apply`: manifests into the config cluster, and how they fare."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from fedingress.cli.output import Format, Output, emit, table, wait_for, working
from fedingress.cli.session import home
from fedingress.cli.status import describe
from fedingress.domain.condition import Condition
from fedingress.domain.errors import Invalid
from fedingress.domain.ingress import Fault, IngressKey, Source
from fedingress.planning.status import observed_conditions

EXAMPLES = """Examples:

fedingress apply -f examples/shop --wait 30

fedingress apply -f shop.yaml -o json | python -m json.tool
"""

WaitSeconds = Annotated[
    float,
    typer.Option(
        "--wait", min=0.0, help="Seconds to wait until each Ingress is programmed and published."
    ),
]
_COLUMNS = ("kind", "namespace", "name", "action", "reason")


def apply(
    filename: Annotated[
        Path, typer.Option("--filename", "-f", help="A file, or a directory and all below it.")
    ],
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
    with working(f"applying {len(documents)} objects"):
        applied = apply_manifests(config_connection(settings, "cli"), documents)
    rows = [[each.kind, each.namespace, each.name, each.action, each.reason] for each in applied]
    rows += [["?", "", each.where, "failed", _without_place(each)] for each in faults]
    ingresses = [
        IngressKey(namespace=each.namespace, name=each.name)
        for each in applied
        if each.kind == "Ingress" and each.action != "failed"
    ]
    if output is Format.table:
        table(_COLUMNS, rows)
    seen = _watch(ingresses, wait) if wait and ingresses else []
    if output is Format.json:
        objects = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
        emit({"objects": objects, "ingresses": [describe(source) for source in seen]})
    late = [f"{_says(source)}, after {wait:g} s" for source in seen if not _ready(source)]
    if late:
        raise Invalid(late)
    if any(row[3] == "failed" for row in rows):
        raise typer.Exit(1)


def read_manifests(path: Path) -> tuple[list[dict[str, Any]], list[Fault]]:
    """
    Every object in a file, or in the YAML and JSON files of a directory, and every fault.

    Raises:
        Invalid: There is no such path, or no such file below it.
    """
    from fedingress.adapters.directory.documents import load  # noqa: PLC0415

    documents: list[dict[str, Any]] = []
    faults: list[Fault] = []
    for file in _files(path):
        try:
            text = file.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is not UTF-8"
            faults.append(Fault(where=str(file), field="", reason=f"cannot be read: {reason}"))
            continue
        loaded = load(text, str(file))
        documents += [dict(document.manifest) for document in loaded.documents]
        faults += loaded.faults
    return documents, faults


def _files(path: Path) -> list[Path]:
    """
    What is read of *path*: hidden files and folders are left out, as in a directory of sources.

    Raises:
        Invalid: There is nothing.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise Invalid(f"{path} does not exist")
    files = sorted(
        file
        for file in path.rglob("*")
        if file.suffix in {".yaml", ".yml", ".json"}
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    if not files:
        raise Invalid(f"{path} holds no .yaml, .yml or .json file")
    return files


def _without_place(fault: Fault) -> str:
    """What is wrong; the place has a column of its own."""
    return f"{fault.field}: {fault.reason}" if fault.field else fault.reason


def _watch(keys: list[IngressKey], seconds: float) -> list[Source]:
    """Wait until all that are federated are programmed and published, and give them as they are."""
    with home() as found:
        sources = found.ports.sources

        def look() -> list[Source]:
            seen = [source for key in keys if (source := sources.get(key)) is not None]
            return [source for source in seen if sources.policy(source).federated]

        def done() -> tuple[bool, str]:
            seen = look()
            return all(map(_ready, seen)), "; ".join(map(_says, seen))

        wait_for(done, seconds=seconds, pause=time.sleep, now=time.monotonic)
        return look()


_WAITING = frozenset({"Waiting", "Pending"})


def _verdict(source: Source) -> dict[str, Condition]:
    """The conditions that speak of what was submitted last, by type."""
    return {
        each.type: each
        for each in observed_conditions(source)
        if each.observed_generation >= source.generation
    }


def _ready(source: Source) -> bool:
    """Accepted and programmed, and published or known why not."""
    verdict = _verdict(source)
    good = [verdict.get(kind) for kind in ("Accepted", "Programmed")]
    if any(each is None or each.status != "True" for each in good):
        return False
    return "Published" in verdict and verdict["Published"].reason not in _WAITING


def _says(source: Source) -> str:
    """What is not as it should be, if anybody has looked at it since it was submitted."""
    waiting = [
        f"{each.type} is {each.status}: {each.message}"
        for each in _verdict(source).values()
        if each.status != "True" and each.type != "Degraded"
    ]
    return f"{source.key}: {'; '.join(waiting) or 'nobody has looked at it yet'}"
