"""Who gets a second try, and that it is one try more only."""

import pytest

from tests import __main__ as suite

SERVERS = "pytestmark = pytest.mark.wire"
PURE = "def test_it(): ..."


@pytest.mark.parametrize(
    ("failed", "text", "refusal"),
    [
        (["tests/a.py::test_it"], SERVERS, ""),
        ([f"tests/a.py::test_it[{n}]" for n in range(5)], SERVERS, ""),
        ([f"tests/a.py::test_it[{n}]" for n in range(6)], SERVERS, "6 tests failed, more than 5"),
        (["tests/a.py::test_it"], PURE, "no real servers in tests/a.py::test_it"),
        ([], SERVERS, "something else than a test failed"),
    ],
    ids=["one", "five", "too many", "pure", "none"],
)
def test_few_tests_with_real_servers_get_a_second_try(failed, text, refusal):
    """Nothing that is pure, and not many."""
    assert suite.why_not_again(failed, lambda name: text) == refusal


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Three tests of their own: one good, one that fails the first time, one that always fails."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = wire\n")
    (tmp_path / "test_some.py").write_text(
        "import pathlib, pytest\n"
        "pytestmark = pytest.mark.wire\n"
        "def test_good():\n"
        "    pathlib.Path('good').open('a').write('x')\n"
        "def test_late():\n"
        "    seen = pathlib.Path('late').exists()\n"
        "    pathlib.Path('late').touch()\n"
        "    assert seen\n"
        "def test_bad():\n"
        "    assert False\n"
    )
    monkeypatch.setattr(suite, "ROOT", tmp_path)
    monkeypatch.setattr(suite, "LAST_FAILED", tmp_path / ".pytest_cache/v/cache/lastfailed")
    monkeypatch.setattr(suite, "_SUITE", ("--cache-clear",))
    return tmp_path


def test_what_holds_at_the_second_try_is_named_and_what_fails_twice_has_failed(small, capfd):
    """The good ones are not run again, and the status tells of those that stay bad."""
    assert suite.main(["-k", "not bad"]) == 0
    assert "failed (1):\n  test_some.py::test_late\n" in capfd.readouterr().out
    assert (small / "good").read_text() == "x"
    assert suite.main([]) == 1
