"""Fixtures of every test: the watched house, and what a test may need of its machine."""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")  # a busy machine is slow, not wrong; the tests' own timeout judges

pytest_plugins = ["tests.watch.again", "tests.watch.house", "tests.watch.needs"]

gc.disable()  # while the tests are loaded: that makes much and throws nothing away


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """All is loaded, in a worker or in who leads them: it stays, and need not be looked through."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """One process more than there are cores: many tests wait for processes, timers, networks."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None  # pytest-xdist takes what it says
    return len(os.sched_getaffinity(0)) + 1
