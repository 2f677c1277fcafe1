"""What runs on this machine, for tests that promise to leave nothing behind; Linux only."""

import os
from pathlib import Path


def command_lines() -> dict[int, str]:
    """Give process id to command line of every living process; zombies are left out."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if line:
            found[int(folder.name)] = line
    return found


def children() -> set[int]:
    """Give the ids of this process's living children."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[1]) == os.getpid() and words[0] != "Z":
            found.add(int(folder.name))
    return found
