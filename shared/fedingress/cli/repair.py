"""`fedingress repair`: every concern of one Ingress looks again, by hand."""

from typing import Annotated, Any

import typer

from fedingress.cli.output import Format, Output, emit, say, working
from fedingress.cli.plan import CHANGES, preview_json, print_previews
from fedingress.cli.session import choose, home
from fedingress.domain.errors import Invalid
from fedingress.domain.work import REPAIR, Work

EXAMPLES = """Examples:

fedingress repair shop

fedingress repair shop/shop --apply
"""
_SECONDS = 120.0


def repair(
    name: Annotated[str, typer.Argument(help="NAME or NAMESPACE/NAME.")],
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Carry it out; without it nothing is written.")
    ] = False,
    output: Output = Format.table,
) -> None:
    """
    Show the drift of one Ingress, or mend it with --apply under the same leases as events.

    Exit status 0 when nothing is left to change, 2 when something is.
    """
    from fedingress.runtime.previews import of_source  # noqa: PLC0415

    if not name:
        raise Invalid("say which Ingress: NAME or NAMESPACE/NAME")
    with home() as found:
        (source,) = choose(found.ports.sources, name)
        with working(f"looking at {source.key}"):
            before = of_source(source.key, found.ports)
        result: dict[str, Any] = {"before": preview_json(before), "applied": apply}
        left = before
        if apply:
            with working(f"repairing {source.key}"):
                found.bus.publish([Work(concern="fanout", unit=str(source.key), cause=REPAIR)])
                found.idle(_SECONDS, within_seconds=5.0)
                left = of_source(source.key, found.ports)
            result["left"] = preview_json(left)
    if output is Format.json:
        emit(result)
    else:
        print_previews([before])
        if apply:
            if left.changes:
                say("still to change:")
                print_previews([left])
            elif before.changes:
                say("mended")
        elif before.changes:
            say(f"carry it out with: fedingress repair {name} --apply")
    if left.changes:
        raise typer.Exit(CHANGES)
