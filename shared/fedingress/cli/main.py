"""
The command line `fedingress`.

Commands are imported when they are called; other packages add groups by the entry point group
`fedingress.commands`.
"""

import sys
from importlib.metadata import entry_points, version
from typing import Annotated, NoReturn

import typer

from fedingress.cli import apply, cluster, drain, plan, repair, serve, status, why
from fedingress.domain.errors import FederationError, Invalid

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="One Ingress, submitted once, served by every chosen cluster on several clouds.",
)
app.command("apply", epilog=apply.EXAMPLES)(apply.apply)
app.command("plan", epilog=plan.EXAMPLES)(plan.plan)
app.command("status", epilog=status.EXAMPLES)(status.status)
app.command("why", epilog=why.EXAMPLES)(why.explain)
app.command("repair", epilog=repair.EXAMPLES)(repair.repair)
app.command("drain", epilog=drain.DRAIN)(drain.drain)
app.command("undrain", epilog=drain.UNDRAIN)(drain.undrain)
app.command("serve", epilog=serve.EXAMPLES)(serve.serve)
app.add_typer(cluster.app, name="cluster")


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"fedingress {version('federated-ingress')}")
        raise typer.Exit


@app.callback()
def root(
    *,
    _version_flag: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda value: _version(wanted=value),
            help="Say which version this is, and exit.",
        ),
    ] = False,
) -> None:
    """One Ingress, submitted once, served by every chosen cluster on several clouds."""


def _add_groups(words: list[str]) -> None:
    """Add what other packages bring; load one only when it is asked for."""
    for point in entry_points(group="fedingress.commands"):
        if words[:1] == [point.name] or not words or words[0].startswith("-"):
            app.add_typer(point.load(), name=point.name)
            return
    if words[:1] == ["local"]:
        _fail("the local cloud is not installed; add it with: pip install federated-ingress[local]")


def run() -> None:
    """The console script: faults are one sentence each on standard error, exit status 1."""
    _add_groups(sys.argv[1:])
    try:
        app()
    except Invalid as error:
        for reason in error.reasons:
            print(f"error: {reason}", file=sys.stderr)
        raise SystemExit(1) from None
    except FederationError as error:
        _fail(str(error))


def _fail(text: str) -> NoReturn:
    print(f"error: {text}", file=sys.stderr)
    raise SystemExit(1)
