"""Which suites there are: one module each, loaded when it is wanted."""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.faults.suite import Suite

SUITES = Path(__file__).with_name("suites")


def names() -> tuple[str, ...]:
    """Every suite's name, in the order of the alphabet."""
    return tuple(sorted(path.stem for path in SUITES.glob("*.py")))


def load(name: str) -> Suite:
    """The suite of that name."""
    suite = importlib.import_module(f"tests.faults.suites.{name}").SUITE
    if not isinstance(suite, Suite) or suite.name != name:
        raise TypeError(f"suites/{name}.py holds no Suite called {name!r}")
    return suite
