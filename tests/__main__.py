"""
The suite as `make test` runs it; words are handed to pytest.

    python -m tests
    python -m tests tests/watcher -k chaos

What starts real servers (`pytest.mark.wire`) waits more than it computes, and hangs on how fast the
machine is at the moment; all else computes. So both run beside each other, in processes of their
own, and the computing ones only get what the others leave (`nice`).

When a few tests with real servers fail, they are tried once more, alone, and it is said which they
were: a machine that stood still for a second stops nobody, and nothing is hidden. Every other test
has one try, and what fails twice has failed.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = ".pytest_cache"
LAST_FAILED = ROOT / CACHE / "v" / "cache" / "lastfailed"
WIRE = "pytest.mark.wire"
MOST = 5
_SUITE = ("--dist", "loadfile", "--no-loadscope-reorder", "--cache-clear")
_ELSEWHERE = ("tests/domain", "tests/planning")  # `make core` ran them
_WIRE_WORKERS, _PURE_WORKERS = 3, 2
_POLITE = 10
_FAILED = 1


def main(words):
    """Run the suite, or what *words* choose of it; the exit status."""
    if words:
        return _with_second_try(words)
    wire, pure = lanes(_files())
    with tempfile.TemporaryFile() as said:
        beside = subprocess.Popen(
            _command(["-n", str(_PURE_WORKERS), "-o", f"cache_dir={CACHE}/pure", *_SUITE, *pure]),
            cwd=ROOT,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        os.setpriority(os.PRIO_PROCESS, beside.pid, _POLITE)
        try:
            status = _with_second_try(["-n", str(_WIRE_WORKERS), *wire])
            pure_status = beside.wait()
        finally:
            beside.kill()
        said.seek(0)
        print("\nThe tests without real servers:", flush=True)
        sys.stdout.buffer.write(said.read())
        sys.stdout.flush()
    return status or pure_status


def lanes(texts):
    """Files with real servers, and all others (file name -> its text), both in order."""
    wire = [name for name, text in sorted(texts.items()) if WIRE in text]
    return wire, [name for name in sorted(texts) if name not in wire]


def why_not_again(failed, text_of):
    """Why these tests (node ids) get no second try; empty when they do."""
    if not failed:
        return "something else than a test failed"
    if len(failed) > MOST:
        return f"{len(failed)} tests failed, more than {MOST}"
    pure = [each for each in failed if WIRE not in text_of(each.partition("::")[0])]
    return f"no real servers in {', '.join(pure)}" if pure else ""


def _files():
    found = (path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/**/test_*.py"))
    return {name: (ROOT / name).read_text() for name in found if not name.startswith(_ELSEWHERE)}


def _with_second_try(words):
    status = subprocess.run(_command([*_SUITE, *words]), cwd=ROOT, check=False).returncode
    if status != _FAILED:
        return status
    failed = sorted(json.loads(LAST_FAILED.read_text()))
    if refusal := why_not_again(failed, lambda name: (ROOT / name).read_text()):
        print(f"No second try: {refusal}")
        return status
    print(f"\nTried once more, alone, because they failed ({len(failed)}):")
    print("\n".join(f"  {each}" for each in failed), flush=True)
    return subprocess.run(_command(failed), cwd=ROOT, check=False).returncode


def _command(words):
    return [sys.executable, "-m", "pytest", "-q", *words]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
