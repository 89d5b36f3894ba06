"""A node's configuration file, with what it leads to checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgechain.errors import InvalidDocument
from edgechain.runtime.chain_files import load_manifest
from edgechain.spec.chain import ChainManifest
from edgechain.spec.config import NodeConfig
from edgechain.spec.document import parse
from edgechain.spec.ids import StageName


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """A node's configuration and the chain it is about."""

    config: NodeConfig
    directory: Path
    manifest: ChainManifest
    stages: tuple[StageName, ...]

    @property
    def chain_name(self) -> str:
        """The name clients use."""
        return self.config.chain_name or self.manifest.name

    @property
    def successors(self) -> frozenset[StageName]:
        """Stages of other nodes that take what ours give."""
        mine = frozenset(self.stages)
        fed = (edge.targets for edge in self.manifest.edges if edge.source in mine)
        return frozenset(stage for targets in fed for stage in targets) - mine


def load_settings(path: Path) -> NodeSettings:
    """Read a node's configuration. Raises ``InvalidDocument`` or ``InvalidChain``."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise InvalidDocument(f"cannot be read: {reason}", file=str(path)) from error
    config = parse(NodeConfig, text, file=str(path))
    return settle(config, base=path.parent, file=str(path))


def settle(config: NodeConfig, *, base: Path, file: str) -> NodeSettings:
    """Check a configuration against the chain it names; ``base`` is where paths start."""
    directory = (base / config.chain).resolve()
    manifest = load_manifest(directory)
    known = tuple(stage.name for stage in manifest.stages)
    stages = known if config.stages == "all" else config.stages
    for stage in stages:
        if stage not in manifest.stage:
            reason = f"the chain has no stage {stage!r}; it has {', '.join(known)}"
            raise InvalidDocument(reason, file=file, key="stages")
    return NodeSettings(config, directory, manifest, tuple(stages))
