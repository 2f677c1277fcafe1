"""`fedingress plan`: what would change, and why."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from fedingress.cli.output import Format, Output, emit, say, working
from fedingress.cli.overlay import overlay
from fedingress.cli.session import choose, home
from fedingress.domain.change import Create, Delete, Plan, Update, as_json
from fedingress.runtime.previews import Preview

EXAMPLES = """Examples:

fedingress plan -f examples/shop

fedingress plan shop/shop -o json | python -m json.tool
"""

CHANGES = 2
"""The exit status when something would change."""


def plan(
    name: Annotated[str, typer.Argument(help="NAME or NAMESPACE/NAME; all when left out.")] = "",
    filename: Annotated[
        Path | None,
        typer.Option("--filename", "-f", help="Plan these manifests as if they were applied."),
    ] = None,
    output: Output = Format.table,
) -> None:
    """Show what would change, and why; exit status 0 when nothing would, 2 when something."""
    from fedingress.runtime.previews import of_source  # noqa: PLC0415

    with home() as found, working("looking at members and clouds"):
        ports = found.ports
        if filename is None:
            keys = [source.key for source in choose(ports.sources, name)]
        else:
            laid = overlay(filename, ports.sources)
            ports = replace(ports, sources=laid)
            keys = [key for key in laid.keys if name in {"", str(key), key.name}]
        shown = [of_source(key, ports) for key in keys]
    if output is Format.json:
        emit([preview_json(each) for each in shown])
    else:
        print_previews(shown)
    if any(each.changes for each in shown):
        raise typer.Exit(CHANGES)


def preview_json(preview: Preview) -> dict[str, Any]:
    """One Ingress: its changes and what is held, by concern."""
    return {
        "source": preview.source,
        "concerns": {
            concern: {"changes": [as_json(change) for change in found], "held": list(found.held)}
            for concern, found in preview.plans.items()
        },
    }


def print_previews(shown: list[Preview]) -> None:
    """Print every plan, one line a change."""
    if not shown:
        say("there is no federated Ingress to plan")
    for preview in shown:
        say(f"{preview.source}: {_counted(preview.changes)}")
        for concern, found in preview.plans.items():
            for line in plan_lines(found):
                say(f"  {concern:9}{line}")


def _counted(changes: int) -> str:
    return "1 change" if changes == 1 else f"{changes or 'no'} changes"


def plan_lines(plan_: Plan[Any]) -> list[str]:
    """`+` creates, `~` updates, `-` deletes, `!` is held."""
    lines = []
    for change in plan_:
        match change:
            case Create(desired=desired, why=why):
                lines.append(f"+ {desired.label}  ({why})")
            case Update(desired=desired, why=why):
                lines.append(f"~ {desired.label}  ({why})")
            case Delete(observed=observed, why=why):
                lines.append(f"- {observed.label}  ({why})")
    return lines + [f"! {text}" for text in plan_.held]
