"""Where under a device's root the node's service finds what it runs."""

from __future__ import annotations

from pathlib import Path

CURRENT, ENVIRONMENT, CONFIG = "current", "environment", "node.yaml"


def current(root: Path) -> Path:
    """The name by which the generation that is to run is known; a link that a switch replaces."""
    return root / CURRENT


def is_current(root: Path, generation: Path) -> bool:
    """Whether this generation is the one to run."""
    return current(root).resolve() == generation.resolve()


def python(generation: Path) -> Path:
    """The interpreter of a generation's environment.

    Without links on the way there: a running node must go on with the environment that it began
    with when ``current`` has become another generation.
    """
    return (generation / ENVIRONMENT).resolve() / "bin" / "python"


def config(root: Path) -> Path:
    """The node's configuration, by way of ``current``: SIGHUP reads the new generation's."""
    return current(root) / CONFIG
