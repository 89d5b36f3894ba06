"""A device's root as flashing leaves it, with generations of chains whose answers are known."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from edgechain.spec.chain import ChainManifest, Stage
from edgechain.spec.config import NodeConfig
from edgechain.spec.document import render
from tests.chain import chains
from tests.chain.nodes import LOOPBACK, NAMESPACE
from tests.security.one_fleet import node_identity

BROKEN = "is not to my liking"
"""What the stage of a broken generation says."""


def good(factor: int = 2) -> ChainManifest:
    """One stage that multiplies."""
    return chains.connected("c", chains.actor("one", "Affine", "x", "y", factor=factor))


def broken() -> ChainManifest:
    """Two stages: the second one cannot stand what the first one makes of any made-up input."""
    return chains.connected(
        "c",
        chains.actor("calm", "Affine", "x", "a", factor=0, offset=13),
        moody("a", raises=13),
    )


def moody(takes: str, **dislikes: int) -> Stage:
    """A stage that passes on what it does not dislike."""
    return chains.actor("mood", "Moody", takes, "y", **dislikes)


def write_config(folder: Path, chain: Path, **more: object) -> Path:
    """A node's configuration; it waits for nobody on the network."""
    usual: dict[str, object] = {"host": LOOPBACK, "port": 0, "threads": 1, "namespace": NAMESPACE}
    usual |= {"discovery": "static", "identity": str(node_identity("alone"))}
    path = folder / "node.yaml"
    path.write_text(render(NodeConfig(name="alone", chain=str(chain), **(usual | more))))
    return path


def add_generation(root: Path, name: str, manifest: ChainManifest, **config: object) -> Path:
    """A whole generation, not yet current; its environment is the one that runs the tests."""
    generation = root / "generations" / name
    generation.mkdir(parents=True)
    chains.write(generation / "chain", manifest)
    write_config(generation, Path("chain"), **config)
    (generation / "environment").symlink_to(Path("../../environments") / _environment(root).name)
    return generation


def _environment(root: Path) -> Path:
    environment = root / "environments" / "abc"
    if not environment.exists():
        (environment / "bin").mkdir(parents=True)
        python = environment / "bin" / "python"
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        python.chmod(0o755)
    return environment


def switch(root: Path, generation: Path) -> None:
    """Let this generation be the one to run."""
    draft = root / ".current"
    draft.symlink_to(Path("generations") / generation.name)
    draft.replace(root / "current")
