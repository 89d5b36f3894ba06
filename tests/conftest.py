"""Fixtures of every test: the watched house, and what a test may need of its machine."""

from __future__ import annotations

pytest_plugins = ["tests.watch.house", "tests.watch.needs"]
