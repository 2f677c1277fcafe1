"""Which lane a file runs in, who gets a second try, and that it is one try more only."""

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


def test_files_with_real_servers_run_in_a_lane_of_their_own():
    """Every file is in one of the two, once."""
    texts = {"tests/c.py": PURE, "tests/b.py": SERVERS, "tests/a.py": PURE}
    assert suite.lanes(texts) == (["tests/b.py"], ["tests/a.py", "tests/c.py"])


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
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # they start faster
    monkeypatch.setattr(suite, "_SUITE", ("-p", "xdist", "--cache-clear"))
    monkeypatch.setattr(suite, "_WIRE_WORKERS", 0)
    monkeypatch.setattr(suite, "_PURE_WORKERS", 0)
    return tmp_path


def test_what_holds_at_the_second_try_is_named_and_what_fails_twice_has_failed(small, capfd):
    """The good ones are not run again, and the status tells of those that stay bad."""
    assert suite.main(["-k", "not bad"]) == 0
    assert "failed (1):\n  test_some.py::test_late\n" in capfd.readouterr().out
    assert (small / "good").read_text() == "x"
    assert suite.main(["-v"]) == 1


def test_both_lanes_run_and_either_can_fail_the_suite(small, capfd):
    """What failed without servers has failed, though all with servers is well; all is told."""
    tests = small / "tests"
    tests.mkdir()
    (small / "test_some.py").rename(tests / "test_some.py")
    (small / "late").touch()
    (tests / "test_pure.py").write_text("def test_sum():\n    assert 1 + 1 == 3\n")
    (tests / "test_some.py").write_text("# pytest.mark.wire\ndef test_good():\n    pass\n")

    assert suite.main([]) == 1
    told = capfd.readouterr().out
    assert "1 passed" in told
    assert "FAILED tests/test_pure.py::test_sum" in told
    (tests / "test_pure.py").write_text("def test_sum():\n    assert 1 + 1 == 2\n")
    assert suite.main([]) == 0
    (tests / "test_some.py").write_text("# pytest.mark.wire\ndef test_bad():\n    assert 0\n")
    assert suite.main([]) == 1
