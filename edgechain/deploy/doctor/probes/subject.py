"""What is to be looked at: a config file, and what it leads to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from edgechain.deploy.configs import read_plain
from edgechain.deploy.doctor.findings import Finding, fault, fine
from edgechain.errors import EdgechainError, InvalidDocument
from edgechain.runtime.chain_files import load_manifest, read_stage_file
from edgechain.spec.chain import ChainManifest
from edgechain.spec.config import NodeConfig
from edgechain.spec.ids import StageName


@dataclass(frozen=True, slots=True)
class Subject:
    """One node, as its config file describes it; ``manifest`` is None where its chain is broken."""

    path: Path
    config: NodeConfig
    directory: Path
    manifest: ChainManifest | None = None

    def is_here(self, host: str) -> bool:
        """Whether the machine of this name is the device, as far as a file can tell.

        A file that names no other machine is meant for the one on which it is looked at.
        """
        flash = self.config.flash
        if flash is None or flash.target.startswith("dir:"):
            return True
        place = urlsplit(flash.target).hostname or ""
        named = (self.config.name, self.config.hostname or "", place)
        return host.partition(".")[0] in {name.partition(".")[0] for name in named if name}

    @property
    def stages(self) -> tuple[StageName, ...]:
        """The stages that it runs, of those that its chain has."""
        if self.manifest is None:
            return ()
        known = tuple(stage.name for stage in self.manifest.stages)
        wanted = self.config.stages
        return known if wanted == "all" else tuple(s for s in wanted if s in known)

    @property
    def chain_name(self) -> str:
        """The name that clients use; empty where that cannot be known."""
        named = self.manifest.name if self.manifest is not None else ""
        return self.config.chain_name or named

    @property
    def models(self) -> tuple[tuple[StageName, Path], ...]:
        """The model files of its stages."""
        if self.manifest is None:
            return ()
        stages = [self.manifest.stage[name] for name in self.stages]
        return tuple((s.name, self.directory / s.file) for s in stages if s.file and not s.actor)


def read_subject(path: Path) -> tuple[Subject | None, list[Finding]]:
    """Read a config file and the chain that it names."""
    try:
        config = read_plain(path).config
    except InvalidDocument as error:
        place = f"{error.file}:{error.line}:{error.column}" if error.line else error.file
        what = f"{error.key}: {error.reason}" if error.key else error.reason
        advice = "put it right; device_configs has examples"
        return None, [fault("config-invalid", place, what, advice)]
    directory = (path.parent / config.chain).resolve()
    try:
        manifest = load_manifest(directory)
    except EdgechainError as error:
        return Subject(path, config, directory), [_broken(directory, error)]
    subject = Subject(path, config, directory, manifest)
    return subject, _judge_stages(subject) or [_whole(subject)]


def _whole(subject: Subject) -> Finding:
    stages = ", ".join(subject.stages)
    return fine("chain", str(subject.directory), f"whole; {subject.config.name} runs {stages}")


def _judge_stages(subject: Subject) -> list[Finding]:
    """What is wrong with the files of the stages that it runs."""
    manifest, wanted = subject.manifest, subject.config.stages
    if manifest is None:
        return []
    unknown = [] if wanted == "all" else [s for s in wanted if s not in manifest.stage]
    if unknown:
        known = ", ".join(manifest.stage)
        what = f"stages: the chain has no stage {unknown[0]!r}; it has {known}"
        advice = "name the stages as `edgechain split` did"
        return [fault("config-invalid", str(subject.path), what, advice)]
    for name in subject.stages:
        stage = manifest.stage[name]
        try:
            if stage.file is not None:
                read_stage_file(subject.directory, stage)
        except EdgechainError as error:
            return [_broken(subject.directory, error)]
    return []


def _broken(directory: Path, error: EdgechainError) -> Finding:
    advice = "cut the model again (edgechain split), or copy or flash the chain again"
    return fault("chain-broken", str(directory), str(error), advice)
