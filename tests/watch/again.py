"""A second try for tests that wait for processes and networks; few may need it, and all are said.

Such a test runs beside others on a busy machine: packets of mDNS get lost, processes start late.
One that is wrong fails twice. What only computes gets no second try, and where more than ``MOST``
tests of a run needed one the run fails: that is no chance any more. Each is listed as RERUN.
"""

from __future__ import annotations

import pytest

COMPUTE = frozenset({"files", "model", "plan", "security", "simulation", "spec", "vision"})
"""Folders of tests that wait for nobody."""

MOST = 8


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a second try to those that wait."""
    for item in items:
        if not COMPUTE.intersection(item.path.parts):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Too many of them fail the run; asked where all results come together."""
    if len(_again(session.config)) > MOST and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say so."""
    if len(found := _again(config)) > MOST:
        terminalreporter.write_line(
            f"{len(found)} tests passed or failed at a second try, {MOST} may need one", red=True
        )


def _again(config: pytest.Config) -> list[object]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return list(reporter.stats.get("rerun", ())) if reporter is not None else []
