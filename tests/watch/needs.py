"""What some tests need and not every machine has: each is skipped by name, never silently.

Where ``CI`` is set, test data that is absent fails the test instead: nothing there may pass
because it was not tried.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""

SHARED = ROOT.parent / "shared"
"""Models and photographs beside the repository, no part of it."""

PROBE = f"edgechain-probe-{os.getpid()}"


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of real models; SOURCES.md in it says what they are."""
    return _present(SHARED / "models")


@pytest.fixture(scope="session")
def images() -> Path:
    """The folder of real photographs."""
    return _present(SHARED / "images")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or in CI fail, a marked test whose need is not met here."""
    for mark, folder in (("models", SHARED / "models"), ("images", SHARED / "images")):
        if item.get_closest_marker(mark):
            _present(folder)
    if item.get_closest_marker("netns") and (reason := no_namespaces()):
        pytest.skip(reason)
    if item.get_closest_marker("tflite") and (reason := no_tflite()):
        pytest.skip(reason)


@functools.cache
def no_namespaces() -> str:
    """Why network namespaces cannot be used here; empty when they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        made = subprocess.run(
            ["ip", "netns", "add", PROBE], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return "network namespaces need ip (iproute2)"
    if made.returncode != 0:
        return f"network namespaces do not work here: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", PROBE], check=True)
    return ""


@functools.cache
def no_tflite() -> str:
    """Why tflite-runtime cannot be used here; empty when it can."""
    if importlib.util.find_spec("tflite_runtime") is not None:
        return ""
    version = ".".join(map(str, sys.version_info[:2]))
    return f"tflite-runtime is not installed (it has no wheel for Python {version})"


def _present(folder: Path) -> Path:
    if folder.is_dir():
        return folder
    reason = f"no test data at {folder.parent.name}/{folder.name} beside the repository"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
