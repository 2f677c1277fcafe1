"""
HAProxy's runtime sockets: ask, and read the answers. Blocking, in fractions of a millisecond.

Source: HAProxy management guide, "Unix Socket commands".
"""

import csv
import re
import socket
from collections.abc import Collection
from pathlib import Path

_CHUNK = 65536
_SESSION = re.compile(r"(?P<id>0x[0-9a-f]+): .* srv=(?P<server>\S+) ")


def ask(path: Path, command: str, timeout_seconds: float = 5.0) -> str:
    """
    The answer to one command.

    Raises:
        OSError: Nobody answers at that socket, or not in time.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_seconds)
        connection.connect(str(path))
        connection.sendall(f"{command}\n".encode())
        # The master's socket answers for good only once it knows that no further command comes.
        connection.shutdown(socket.SHUT_WR)
        answer = bytearray()
        while chunk := connection.recv(_CHUNK):
            answer += chunk
    return answer.decode()


def description(admin: Path) -> str:
    """The ``description`` of the program the socket's worker runs."""
    for line in ask(admin, "show info").splitlines():
        key, _, value = line.partition(": ")
        if key == "description":
            return value
    return ""


def old_workers(master: Path) -> list[int]:
    """The processes of earlier programs that still have requests under way."""
    found, old = [], False
    for line in ask(master, "show proc").splitlines():
        if line.startswith("# "):
            old = line == "# old workers"
        elif old and line.split():
            found.append(int(line.split()[0]))
    return found


def cut(master: Path, servers: Collection[str]) -> None:
    """End the requests that earlier programs' processes still have under way with *servers*."""
    for process in old_workers(master):
        for line in ask(master, f"@!{process} show sess").splitlines():
            found = _SESSION.match(line)
            if found and found["server"] in servers:
                ask(master, f"@!{process} shutdown session {found['id']}")


def healthy_servers(admin: Path) -> dict[tuple[str, str], bool]:
    """Whether each (backend, server) is up, by its own checks or those it follows."""
    only_servers = "show stat -1 4 -1"
    text = ask(admin, only_servers, timeout_seconds=1.0)
    rows = csv.DictReader(text.lstrip("# ").splitlines())
    return {
        (row["pxname"], row["svname"]): row["status"].startswith("UP")
        for row in rows
        if row.get("status")
    }


def server_states(admin: Path) -> dict[tuple[str, str], str]:
    """The state line of each (backend, server), in the form of a server state file."""
    states = {}
    for line in ask(admin, "show servers state").splitlines():
        fields = line.split(" ")
        if len(fields) > 4 and not line.startswith("#"):  # noqa: PLR2004  not the version line
            states[fields[1], fields[3]] = line
    return states


def state_file(servers: dict[tuple[str, str], str], known: dict[tuple[str, str], str]) -> str:
    """
    A server state file, version 1: *known* lines kept, every other server down until it is checked.

    Without a line HAProxy would take a server as up before its first check; Google does not.
    Lines are matched by names, so any id does.
    """
    lines = ["1", _STATE_HEAD]
    for (pool, server), address in servers.items():
        host, _, port = address.rpartition(":")
        fresh = f"1 {pool} 1 {server} {host} 0 0 1 1 0 6 3 0 6 0 0 0 - {port} - 0 0 - - 0"
        lines.append(known.get((pool, server), fresh))
    return "\n".join(lines) + "\n"


_STATE_HEAD = (
    "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight"
    " srv_time_since_last_change srv_check_status srv_check_result srv_check_health"
    " srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord"
    " srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port"
)
