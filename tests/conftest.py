"""What holds for every test: laws have no deadline; schedules are counted at the end of the run."""

from hypothesis import settings

settings.register_profile("fedingress", deadline=None)  # tracing and neighbours slow one down
settings.load_profile("fedingress")


def pytest_addoption(parser):
    """Seeds for `python -m tests.schedules` with one of its levels over stores."""
    parser.addoption("--schedules-seed", type=int, default=0, help="the first seed of the stores")
    parser.addoption("--schedules-count", type=int, default=0, help="how many; 0: for some seconds")


def pytest_terminal_summary(terminalreporter):
    """Tell which seeds held; workers send what they recorded with their reports."""
    reports = [each for found in terminalreporter.stats.values() for each in found]
    told = [
        text
        for report in reports
        for name, text in getattr(report, "user_properties", ())
        if name == "schedules" and getattr(report, "when", "") == "call"
    ]
    if told:
        terminalreporter.section("schedules that held")
        for text in sorted(told):
            terminalreporter.write_line(text)
