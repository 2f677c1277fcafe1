"""`fedingress repair`: every concern of one Ingress looks again, by hand."""

from typing import Annotated, Any

import typer

from fedingress.cli.output import Format, Output, console, emit
from fedingress.cli.plan import CHANGES, preview_json, print_previews
from fedingress.cli.session import choose, home
from fedingress.domain.work import REPAIR, Work

_SECONDS = 120.0


def repair(
    name: Annotated[str, typer.Argument(help="NAME or NAMESPACE/NAME.")],
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Carry it out.")] = False,
    output: Output = Format.table,
) -> None:
    """Show the drift of one Ingress, or mend it with --apply under the same leases as events."""
    from fedingress.runtime.previews import of_source  # noqa: PLC0415

    with home() as found:
        source = choose(found.ports.sources, name)[0]
        before = of_source(source.key, found.ports)
        result: dict[str, Any] = {"before": preview_json(before), "applied": apply}
        left = before
        if apply:
            unit = str(source.key)
            found.bus.publish([Work(concern="fanout", unit=unit, cause=REPAIR)])
            found.idle(_SECONDS, within_seconds=5.0)
            left = of_source(source.key, found.ports)
            result["left"] = preview_json(left)
    if output is Format.json:
        emit(result)
    else:
        print_previews([before])
        if apply:
            console().print("mended" if not left.changes else "still to change:", markup=False)
            if left.changes:
                print_previews([left])
        elif before.changes:
            console().print(f"carry it out with: fedingress repair {name} --apply", markup=False)
    if left.changes:
        raise typer.Exit(CHANGES)
