"""
Run a command that dies with the process that started it; run by path, never imported for effect.

    python -I leash.py PARENT_PID COMMAND ARGUMENT...

A test or a lab that is killed cannot close anything. Linux then sends the command SIGTERM, on which
HAProxy's master ends its workers at once. Not `preexec_fn`, which is unsafe beside threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Ask for the signal, see that the parent still lives, become the command."""
    parent, *command = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != int(parent):
        sys.exit("the parent ended first")
    os.execv(command[0], command)  # noqa: S606  the command line is ours, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
