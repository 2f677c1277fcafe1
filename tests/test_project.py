"""The project's own promises: doors, what they load, what is documented, how long a file is."""

import re
import subprocess
import sys
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import ClassVar

import pytest
import typer

from fedingress.cli import main
from fedingress.domain.work import CONCERNS
from fedingress.runtime import settings
from fedingress.runtime.settings import Settings

ROOT = Path(__file__).parents[1]
DOORS = sorted(path.name for path in (ROOT / "functions").iterdir() if path.name[0] not in "_.")
REFERENCE = ROOT / "docs" / "reference"
LONGEST = 400
_LOADED = """
import sys
concern, needed = sys.argv[1], sys.argv[2].split(",")
allowed = {*sys.stdlib_module_names, "fedingress", "functions", *needed}

class OnlyNeeds:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ModuleNotFoundError(f"{name} is no requirement of this door", name=name)

sys.meta_path.insert(0, OnlyNeeds())
import importlib
main = importlib.import_module(f"functions.{concern}.main")
from fedingress.runtime import door
home = door._home(concern)
home.queue.due(1)
if needed != [""]:
    home.ports
    if concern != "repair":
        importlib.import_module(f"fedingress.concerns.{concern}")
door.close()
"""


def only_with(concern, tmp_path, *needed):
    """Load a door in a fresh process where nothing but *needed* can be imported."""
    return subprocess.run(
        [sys.executable, "-c", _LOADED, concern, ",".join(needed)],
        capture_output=True,
        check=False,
        text=True,
        cwd=tmp_path,
        env={
            "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}",
            "FEDINGRESS_SOURCES": f"directory:{tmp_path}",
            "FEDINGRESS_STORE": f"sqlite:{tmp_path / 'state' / 'state.db'}",
        },
    )


class TestDoors:
    """One folder a function, two doors each."""

    def test_each_concern_has_its_folder(self):
        """One for each concern, and the two that only trigger them."""
        assert sorted([*CONCERNS, "tick", "repair"]) == DOORS

    @pytest.mark.parametrize("concern", DOORS)
    def test_each_folder_has_both_doors(self, concern):
        """Plain functions under the names that the clouds are given, explained as such."""
        module = import_module(f"functions.{concern}.main")

        assert module.__doc__
        for name in ("on_push", "on_lambda_event"):
            door = vars(module)[name]
            assert door.__name__ == name
            assert door.__module__ == module.__name__
            assert door.__doc__

    @pytest.mark.parametrize("concern", DOORS)
    def test_a_door_reaches_its_store_with_the_standard_library(self, concern, tmp_path):
        """Nobody else's package is loaded before the first call of the store."""
        done = only_with(concern, tmp_path)
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("concern", DOORS)
    def test_a_door_is_wired_with_the_base_requirements(self, concern, tmp_path):
        """Over a directory, ports and concern need no SDK of any cloud, nor the command line's."""
        done = only_with(concern, tmp_path, "yaml", "_yaml", "jsonpatch", "jsonpointer")
        assert done.returncode == 0, done.stderr

    def test_the_check_can_fail(self, tmp_path):
        """Without YAML a directory cannot be wired, and that is noticed."""
        done = only_with("fanout", tmp_path, "jsonpatch", "jsonpointer")

        assert done.returncode != 0
        assert "yaml is no requirement of this door" in done.stderr


class TestSettings:
    """docs/reference/settings.md."""

    PAGE = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    ROWS: ClassVar = dict(re.findall(r"^\| `(FEDINGRESS_\w+)` (\|.*)$", PAGE, re.MULTILINE))

    def test_every_setting_is_documented_and_no_other(self):
        """The table has a row for each field, in the fields' order."""
        assert list(self.ROWS) == [f"FEDINGRESS_{each.name.upper()}" for each in fields(Settings)]

    @pytest.mark.parametrize("name", [each.name for each in fields(Settings) if each.default != ""])
    def test_every_default_is_documented(self, name):
        """The last cell is the value that counts when the variable is absent."""
        default = getattr(Settings(), name)
        assert self.ROWS[f"FEDINGRESS_{name.upper()}"].endswith(f"| `{default}` |")

    @pytest.mark.parametrize("name", [*settings._NUMBERS, *settings._COUNTS])
    def test_every_range_is_documented(self, name):
        """The bounds that are checked are the bounds that are told."""
        low, high = (settings._NUMBERS | settings._COUNTS)[name]
        assert f"| {low:g} to {high:g};" in self.ROWS[f"FEDINGRESS_{name.upper()}"]


def commands():
    """`fedingress ...` -> command, without the groups that other packages bring."""
    app = typer.main.get_command(main.app)

    def walk(path, command):
        yield path, command
        for name, inner in sorted(getattr(command, "commands", {}).items()):
            yield from walk(f"{path} {name}", inner)

    found = dict(walk("fedingress", app))
    return {path: each for path, each in found.items() if not path.startswith("fedingress local")}


class TestCommandLine:
    """docs/reference/cli.md."""

    PAGE = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    COMMANDS = commands()

    def section(self, path):
        """What stands under a command's own heading."""
        found = re.search(
            rf"^##+ `{path}`\n(.*?)(?=^## |^### |\Z)", self.PAGE, re.MULTILINE | re.DOTALL
        )
        assert found is not None, f"there is no section on {path}"
        return found.group(1)

    def test_every_heading_is_a_command(self):
        """No command is documented that does not exist."""
        told = set(re.findall(r"^##+ `(fedingress [^`]*)`", self.PAGE, re.MULTILINE))
        assert told == {*self.COMMANDS, "fedingress local"} - {"fedingress"}

    @pytest.mark.parametrize("path", sorted(COMMANDS.keys() - {"fedingress"}))
    def test_every_command_is_documented(self, path):
        """In a section that says something, with each option and argument in it."""
        text, command = self.section(path), self.COMMANDS[path]
        assert command.help
        assert len(text.split()) > 5
        for param in command.params:
            names = [name for name in param.opts if name != "--help"]
            if param.param_type_name == "argument":
                names = [param.name.upper()]
            for name in names:
                assert f"`{name}`" in text
            assert param.help or param.name == "help"

    @pytest.mark.parametrize("path", sorted(COMMANDS.keys() - {"fedingress"}))
    def test_no_option_is_documented_that_does_not_exist(self, path):
        """Rows of a command's table are its parameters."""
        rows = re.findall(r"^\| (`[^|]*`) \|", self.section(path), re.MULTILINE)
        told = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
        params = self.COMMANDS[path].params
        known = {name for param in params for name in param.opts} | {
            param.name.upper() for param in params if param.param_type_name == "argument"
        }
        assert told <= known


@pytest.mark.parametrize("folder", ["shared", "functions", "infra"])
def test_no_file_is_long(folder):
    """A file that grows beyond 400 lines is two files."""
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / folder).rglob("*.py")
    }
    assert sizes
    assert {path: size for path, size in sizes.items() if size > LONGEST} == {}
