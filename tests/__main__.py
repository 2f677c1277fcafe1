"""
The suite as `make test` runs it; words are handed to pytest.

    python -m tests
    python -m tests tests/watcher -k chaos

What starts real servers (`pytest.mark.wire`) hangs on how fast the machine is at the moment. When
a few such tests fail, they are tried once more, alone, in a process of their own, and it is said
which they were: a machine that stood still for a second stops nobody, and nothing is hidden. Every
other test has one try, and what fails twice has failed.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAST_FAILED = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
WIRE = "pytest.mark.wire"
MOST = 5
_WORKERS = 4  # the tests wait more than they compute
_FAILED = 1
_SUITE = (
    *("-n", str(_WORKERS), "--dist", "loadfile", "--no-loadscope-reorder", "--cache-clear"),
    *("--ignore=tests/domain", "--ignore=tests/planning"),
)


def main(words):
    """Run the suite; the exit status."""
    status = _pytest(*_SUITE, *words)
    if status != _FAILED:
        return status
    failed = sorted(json.loads(LAST_FAILED.read_text()))
    if refusal := why_not_again(failed, lambda name: (ROOT / name).read_text()):
        print(f"No second try: {refusal}")
        return status
    print(f"\nTried once more, alone, because they failed ({len(failed)}):")
    print("\n".join(f"  {each}" for each in failed), flush=True)
    return _pytest(*failed)


def why_not_again(failed, text_of):
    """Why these tests (node ids) get no second try; empty when they do."""
    if not failed:
        return "something else than a test failed"
    if len(failed) > MOST:
        return f"{len(failed)} tests failed, more than {MOST}"
    pure = [each for each in failed if WIRE not in text_of(each.partition("::")[0])]
    return f"no real servers in {', '.join(pure)}" if pure else ""


def _pytest(*words):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *words], cwd=ROOT, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
