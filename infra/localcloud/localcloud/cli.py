"""
``fedingress local``: a multi-cloud lab on this machine, started, asked and ended.

The servers are imported only by the command that runs them; every other command starts fast.
"""

import json
import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from localcloud.control_client import ControlClient, ControlError
from localcloud.session import START_SECONDS, Session, SessionError

if TYPE_CHECKING:
    from localcloud.world.spec import WorldSpec

FOLDER_VARIABLE = "FEDINGRESS_LOCAL"
DEFAULT_FOLDER = Path(".fedingress/local")
_INSTALL_SECONDS = 600.0
"""A cloud's home installs each function for itself the first time."""

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A multi-cloud lab on this machine: clusters, Google Cloud, DNS and a data plane.",
)

State = Annotated[
    Path,
    typer.Option("--state", envvar=FOLDER_VARIABLE, help="Folder of the world's files."),
]


class Format(StrEnum):
    """Values of ``--output``."""

    text = "text"
    json = "json"


class Verb(StrEnum):
    """What can be done with the functions."""

    start = "start"
    stop = "stop"
    state = "state"


class Condition(StrEnum):
    """How an API server can be."""

    up = "up"
    down = "down"
    slow = "slow"
    refuse = "refuse"


Output = Annotated[Format, typer.Option("--output", "-o", help="text, or json for machines.")]
Cluster = Annotated[str, typer.Argument(help="Name of a cluster; `fedingress local status`.")]


@app.command()
def up(
    *,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when it answers.")] = False,
    members: Annotated[
        str,
        typer.Option(help="Names, or NAME=PROVIDER/REGION/ZONE[+ZONE...], separated by commas."),
    ] = "",
    config_is_member: Annotated[
        bool, typer.Option("--config-is-member", help="The first member is the config cluster too.")
    ] = False,
    no_functions: Annotated[
        bool, typer.Option("--no-functions", help="Do not run the functions.")
    ] = False,
    functions_command: Annotated[
        str, typer.Option(help="What serves the functions, as a child process.")
    ] = "fedingress serve",
    home: Annotated[
        str, typer.Option(help="Where the functions run: embedded, gcp or aws.")
    ] = "embedded",
    tick_seconds: Annotated[
        float,
        typer.Option(envvar="FEDINGRESS_TICK_SECONDS", help="Of the scheduler of a cloud's home."),
    ] = 60.0,
    accounts: Annotated[
        str, typer.Option(help="Other AWS accounts with a hosted zone each: ACCOUNT=DOMAIN, ....")
    ] = "",
    manifests: Annotated[
        str, typer.Option(help="Folder with crds and admission; by default the repository's.")
    ] = "",
    state: State = DEFAULT_FOLDER,
) -> None:
    """Start a world; without --detach it runs until Ctrl-C."""
    from localcloud.world.spec import (  # noqa: PLC0415
        DEFAULT_MEMBERS,
        WorldSpec,
        accounts_from,
        members_from,
    )

    session = Session(state)
    try:
        spec = WorldSpec(
            members=members_from(members) if members else DEFAULT_MEMBERS,
            config_is_member=config_is_member,
            accounts=accounts_from(accounts),
            manifests=Path(manifests).absolute() if manifests else None,
            state=session.folder,
            functions=() if no_functions else tuple(shlex.split(functions_command)),
            home=home,
            tick_seconds=tick_seconds,
        )
    except ValueError as error:
        _fail(str(error))
    if detach:
        _start_detached(session, spec)
        return
    try:
        held = session.hold()
    except SessionError as error:
        _fail(str(error))
    if not held:
        _say_already(session)
        return
    from localcloud.foreground import run  # noqa: PLC0415 - loads every server

    run(session, spec, summary)


@app.command()
def down(*, state: State = DEFAULT_FOLDER) -> None:
    """End the world and everything it started; fine when none runs."""
    session = Session(state)
    try:
        ended = session.stop()
    except SessionError as error:
        _fail(str(error))
    typer.echo("Ended." if ended else f"No world runs in {session.folder}.")


@app.command()
def env(*, output: Output = Format.text, state: State = DEFAULT_FOLDER) -> None:
    """Print variables and the function fcurl, to be evaluated by a shell."""
    from localcloud.world.environment import shell  # noqa: PLC0415

    variables = _running(state)["environment"]
    typer.echo(json.dumps(variables, indent=2) if output is Format.json else shell(variables))


@app.command()
def status(*, output: Output = Format.text, state: State = DEFAULT_FOLDER) -> None:
    """Show clusters, workloads, virtual addresses, endpoint groups and the functions."""
    document = _ask(state, "GET", "/state")
    if output is Format.json:
        typer.echo(json.dumps(document, indent=2))
        return
    from localcloud.status_view import show  # noqa: PLC0415

    show(document)


@app.command()
def resolve(
    host: Annotated[str, typer.Argument(help="A host name.")],
    *,
    client: Annotated[str, typer.Option(help="Address to ask from.")] = "",
    region: Annotated[str, typer.Option(help="Ask as a client of this region.")] = "",
    kind: Annotated[str, typer.Option("--type", help="A or AAAA.")] = "A",
    state: State = DEFAULT_FOLDER,
) -> None:
    """Ask the lab's DNS server for the addresses of HOST."""
    from localcloud import resolve as dns  # noqa: PLC0415

    variables = _running(state)["environment"]
    if region:
        name = f"LOCALCLOUD_CLIENT_{region.upper().replace('-', '_')}"
        if name not in variables:
            _fail(f"no region {region}; there are: {variables['LOCALCLOUD_REGIONS']}")
        client = variables[name]
    try:
        for address in dns.resolve(variables["LOCALCLOUD_DNS"], host, client=client, kind=kind):
            typer.echo(address)
    except dns.NoAnswerError as error:
        _fail(str(error))


@app.command()
def ctl(
    method: Annotated[str, typer.Argument(help="GET, POST or DELETE.")],
    path: Annotated[str, typer.Argument(help="Such as /state; docs/localcloud.md lists them.")],
    body: Annotated[str, typer.Argument(help="JSON.")] = "",
    *,
    state: State = DEFAULT_FOLDER,
) -> None:
    """Send METHOD PATH [BODY] to the control API; see docs/localcloud.md for its paths."""
    try:
        document = json.loads(body) if body else None
    except ValueError as error:
        _fail(f"the body is no JSON: {error}")
    typer.echo(json.dumps(_ask(state, method, path, document), indent=2))


@app.command()
def kill(cluster: Cluster, *, state: State = DEFAULT_FOLDER) -> None:
    """Cut the power of a cluster's pods; its API server goes on and knows nothing of it."""
    _ask(state, "POST", f"/clusters/{cluster}/kill")
    typer.echo(f"No pod of {cluster} answers any more.")


@app.command()
def revive(cluster: Cluster, *, state: State = DEFAULT_FOLDER) -> None:
    """Give a cluster's pods their power back."""
    _ask(state, "POST", f"/clusters/{cluster}/revive")
    typer.echo(f"The pods of {cluster} answer again.")


@app.command()
def api(
    cluster: Cluster,
    condition: Annotated[Condition, typer.Argument(help="How it is from now on.")],
    *,
    seconds: Annotated[float, typer.Option(min=0.0, help="How slow, with `slow`.")] = 2.0,
    state: State = DEFAULT_FOLDER,
) -> None:
    """Take a cluster's API server down and up again, slow it, or make it refuse; pods go on."""
    _ask(state, "POST", f"/clusters/{cluster}/api/{condition}", {"seconds": seconds})
    typer.echo(f"The API server of {cluster}: {condition}.")


@app.command()
def scale(
    cluster: Cluster,
    workload: Annotated[str, typer.Argument(help="NAMESPACE/NAME of a Deployment.")],
    replicas: Annotated[int, typer.Argument(min=0, help="How many pods.")],
    *,
    state: State = DEFAULT_FOLDER,
) -> None:
    """Set the number of pods of a Deployment in one cluster."""
    path = f"/workloads/{cluster}/{_slashed(workload)}/scale"
    _ask(state, "POST", path, {"replicas": replicas})
    typer.echo(f"{workload} in {cluster}: {replicas} replicas.")


@app.command()
def functions(
    verb: Annotated[Verb, typer.Argument(help="What to do with them.")] = Verb.state,
    *,
    state: State = DEFAULT_FOLDER,
) -> None:
    """Start or stop the functions, or show how they are."""
    if verb is Verb.state:
        document = _ask(state, "GET", "/functions")
    else:
        document = _ask(state, "POST", f"/functions/{verb}")
    typer.echo(json.dumps(document, indent=2))


def summary(document: dict[str, Any]) -> str:
    """Give what a user wants to know of a world that has just started."""
    variables = document["environment"]
    lines = [
        f"Clusters   {' '.join(document['clusters'])}",
        f"Regions    {variables['LOCALCLOUD_REGIONS']}",
        f"Files      {variables['FEDINGRESS_LOCAL']}",
        'Next       eval "$(fedingress local env)"',
    ]
    fault = document["functions"]["fault"]
    lines += [f"Functions  {fault}"] if fault else []
    return "\n".join([*lines, *(f"Note       {note}" for note in document["notes"])])


def _start_detached(session: Session, spec: "WorldSpec") -> None:
    if session.busy():
        _say_already(session)
        return
    if sys.stdout.isatty():
        typer.echo("Starting ...")
    try:
        patience = _INSTALL_SECONDS if spec.home != "embedded" else START_SECONDS
        document = session.start_detached(_arguments(spec), patience)
    except SessionError as error:
        _fail(str(error))
    typer.echo(summary(document))


def _arguments(spec: "WorldSpec") -> list[str]:
    """Give the arguments of ``up`` that ask for *spec* again, in the foreground."""
    members = ",".join(
        f"{m.name}={m.provider}/{m.region}/{'+'.join(m.zones)}" for m in spec.members
    )
    words = ["--members", members, "--state", str(spec.state)]
    words += ["--home", spec.home, "--tick-seconds", str(spec.tick_seconds)]
    if spec.config_is_member:
        words += ["--config-is-member"]
    if spec.accounts:
        words += ["--accounts", ",".join(map("=".join, spec.accounts))]
    if spec.manifests is not None:
        words += ["--manifests", str(spec.manifests)]
    if not spec.functions:
        return [*words, "--no-functions"]
    return [*words, "--functions-command", shlex.join(spec.functions)]


def _say_already(session: Session) -> None:
    typer.echo(f"It already runs; its files are in {session.folder}")


def _running(state: Path) -> dict[str, Any]:
    document = Session(state).running()
    if document is None:
        _fail(f"no world runs in {state.absolute()}; start one: fedingress local up --detach")
    return document


def _ask(state: Path, method: str, path: str, body: Any = None) -> Any:
    try:
        return ControlClient(_running(state)["control"]).call(method, path, body)
    except ControlError as error:
        _fail(str(error))


def _slashed(workload: str) -> str:
    namespace, slash, name = workload.partition("/")
    return workload if slash and namespace and name else f"default/{workload}"


def _fail(sentence: str) -> NoReturn:
    typer.secho(sentence, err=True, fg=typer.colors.RED)
    raise typer.Exit(1)


if __name__ == "__main__":
    app()
