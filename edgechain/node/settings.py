"""A node's configuration file, with what it leads to checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgechain.errors import EdgechainError, InvalidDocument
from edgechain.files.text import read_text
from edgechain.runtime.chain_files import chosen_stages, load_manifest
from edgechain.security.identity import load_identity
from edgechain.spec.chain import ChainManifest
from edgechain.spec.config import NodeConfig
from edgechain.spec.device_file import parse_device
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.ids import Generation, StageName
from edgechain.spec.message import Role


@dataclass(frozen=True, slots=True)
class ChainShare:
    """What a node runs of one generation of its chain; nothing, where it stands by."""

    directory: Path
    manifest: ChainManifest
    stages: tuple[StageName, ...]

    @property
    def generation(self) -> Generation:
        """Which generation it is."""
        return Generation(self.manifest.generation)

    @property
    def takers(self) -> frozenset[StageName]:
        """Stages that take what ours give; a route may run ours among them elsewhere."""
        fed = (edge.targets for edge in self.manifest.edges if edge.source in self.stages)
        return frozenset(stage for targets in fed for stage in targets)

    @property
    def successors(self) -> frozenset[StageName]:
        """Stages of other nodes that take what ours give."""
        return self.takers - frozenset(self.stages)


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """A node's configuration and the chain it is about.

    ``security`` is None where the configuration says so. ``next`` is the generation to be ready
    beside the current one, ``problem`` why it cannot be.
    """

    config: NodeConfig
    security: LinkSecurity | None
    current: ChainShare
    next: ChainShare | None = None
    problem: str = ""

    @property
    def chain_name(self) -> str:
        """The name clients use."""
        return self.config.chain_name or self.current.manifest.name


def load_settings(path: Path) -> NodeSettings:
    """Read a node's configuration; Wi-Fi passwords and the like are left unread.

    Raises ``InvalidDocument``, ``InvalidIdentity`` or ``InvalidChain``.
    """
    device = parse_device(read_text(path), file=str(path))
    try:
        return settle(device.config, base=path.parent, file=str(path))
    except InvalidDocument as error:
        if error.file != device.file or not device.says(error.key):
            raise
        raise device.complaint(error.reason, error.key) from error


def settle(config: NodeConfig, *, base: Path, file: str) -> NodeSettings:
    """Check a configuration against the chain it names; ``base`` is where paths start.

    What is wrong with the next generation is no reason not to run the current one.
    """
    current = _share(base / config.chain, config.stages, file, "stages")
    security = _security(config, base, file)
    if config.next is None:
        return NodeSettings(config, security, current)
    stages, key = config.next_stages, "next_stages"
    if stages is None:
        stages, key = config.stages, "stages"
    try:
        beside = _share(base / config.next, stages, file, key)
    except EdgechainError as error:
        return NodeSettings(config, security, current, problem=str(error))
    name = beside.manifest.name
    if config.chain_name is None and name != current.manifest.name:
        reason = f"next is chain {name!r}; with chain_name both have the name that clients use"
        return NodeSettings(config, security, current, problem=reason)
    return NodeSettings(config, security, current, beside)


def _security(config: NodeConfig, base: Path, file: str) -> LinkSecurity | None:
    """The node's identity: there is one, or the configuration says in so many words that not."""
    if config.insecure:
        return None
    if config.identity is None:
        reason = "is missing; `edgechain init` makes one (`insecure: true` runs the node without)"
        raise InvalidDocument(reason, file=file, key="identity")
    identity = load_identity(base / config.identity)
    party = identity.party
    if party.role is not Role.NODE or party.name != config.name:
        reason = f"is that of {party}, and this node is called {config.name!r}"
        raise InvalidDocument(reason, file=file, key="identity")
    return identity


def _share(
    directory: Path, wanted: tuple[StageName, ...] | Literal["all"], file: str, key: str
) -> ChainShare:
    manifest = load_manifest(directory.resolve())
    stages = chosen_stages(manifest, wanted, file, key)
    return ChainShare(directory.resolve(), manifest, stages)
