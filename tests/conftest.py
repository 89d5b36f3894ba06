"""Fixtures of every test: the watched house, and what a test may need of its machine."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")  # a busy machine is slow, not wrong; the tests' own timeout judges

pytest_plugins = ["tests.watch.house", "tests.watch.needs"]
