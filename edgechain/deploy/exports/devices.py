"""Device files that are to be exported, with what they lead to on this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgechain.deploy.checked import check_device
from edgechain.deploy.configs import project_of, read_plain
from edgechain.runtime.chain_files import load_manifest
from edgechain.spec.config import NodeConfig
from edgechain.spec.ids import ChainName

Files = dict[str, str]
"""Paths below the directory that is exported to, with what is to stand there."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One device: its configuration without anything secret, and where its parts are here.

    ``directory`` is its chain's; ``identity`` where its key and certificates are, or will be when
    `edgechain init` has made them, and None where it runs without.
    """

    config: NodeConfig
    chain: ChainName
    directory: Path
    identity: Path | None


def read_exported(paths: Sequence[Path]) -> tuple[Exported, ...]:
    """Read and check device files; secrets stay unread.

    Raises ``InvalidDocument`` with the place, or ``InvalidChain``.
    """
    found: dict[str, Exported] = {}
    for path in paths:
        device = read_plain(path)
        config = device.config
        if config.name in found:
            raise device.complaint(f"two of these files are about {config.name!r}", "name")
        check_device(device)
        directory = (path.parent / config.chain).resolve()
        chain = config.chain_name or load_manifest(directory).name
        found[config.name] = Exported(config, chain, directory, _identity(path, config))
    return tuple(found.values())


def _identity(path: Path, config: NodeConfig) -> Path | None:
    if config.insecure:
        return None
    if config.identity is not None:
        return (path.parent / config.identity).resolve()
    project = project_of(path) or path.resolve().parent
    return project / "identities" / config.name


def digest(*parts: str) -> str:
    """What tells one content from another, 12 hexadecimal digits."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
