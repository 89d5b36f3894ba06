"""Nodes' set-ups on disk, sound until a test breaks one thing, and what the doctor says of them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgechain.deploy.doctor.door import consult
from edgechain.deploy.doctor.findings import Finding, Severity
from edgechain.deploy.doctor.question import Question
from edgechain.deploy.doctor.report import Report
from edgechain.runtime.chain_files import load_manifest
from edgechain.runtime.layout import lay_out
from edgechain.security.authority import Authority, Issued
from edgechain.security.identity import write_identity
from edgechain.spec.chain import ChainManifest, Stage
from edgechain.spec.message import Role
from edgechain.spec.tensor import DType, TensorSpec
from tests.chain import chains
from tests.model.made import Made

LOOPBACK = "127.0.0.1"
LISTEN = 0.3
PATIENCE = 60.0


@dataclass
class Setup:
    """One node's folder: ``node.yaml``, ``chain``, ``identity``, and the fleet it belongs to."""

    folder: Path
    authority: Authority
    keys: dict[str, Any]

    @property
    def config(self) -> Path:
        return self.folder / "node.yaml"

    @property
    def identity(self) -> Path:
        return self.folder / "identity"

    @property
    def chain(self) -> Path:
        return self.folder / "chain"

    def write(self, **keys: object) -> None:
        """Write the config again, with these keys, or without those that are None."""
        whole = {key: value for key, value in (self.keys | keys).items() if value is not None}
        self.config.write_text(json.dumps(whole))

    def issue(self, name: str, role: Role = Role.NODE, *, to: Path | None = None) -> Issued:
        """Put a new identity of the fleet where the node's is, or elsewhere."""
        issued = self.authority.issue(role, name, datetime.now(UTC))
        revoked = self.authority.revoke(())
        write_identity(to or self.identity, issued, self.authority.certificate, revoked)
        return issued


def sound(folder: Path, manifest: ChainManifest | None = None, **keys: object) -> Setup:
    """A set-up of which nothing is broken: one node on loopback that runs a whole chain."""
    name = f"chain-{uuid.uuid4().hex[:12]}"
    usual = {
        "name": "pi-a",
        "identity": "identity",
        "chain": "chain",
        "namespace": os.environ["EDGECHAIN_NAMESPACE"],
        "host": LOOPBACK,
        "interfaces": [LOOPBACK],
        "port": 0,
        "threads": 1,
    }
    setup = Setup(folder, Authority.new("tests"), usual | keys)
    chains.write(setup.chain, manifest or chains.five_stages(name))
    setup.issue(str(setup.keys["name"]))
    setup.write()
    return setup


def model_chain(folder: Path, model: Made) -> Path:
    """A chain of one stage, which is this model: x (1, 4) floats in, y (1, 4) floats out."""
    folder.mkdir(exist_ok=True)
    content = model.content()
    (folder / "only.tflite").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    stage = Stage(name="only", inputs=("x",), outputs=("y",), file="only.tflite", sha256=sha256)
    specs = {name: TensorSpec(name=name, dtype=DType.FLOAT32, shape=(1, 4)) for name in "xy"}
    chains.write(folder, chains.connected(f"chain-{uuid.uuid4().hex[:12]}", stage, specs=specs))
    return folder


def slot_bytes(manifest: ChainManifest) -> int:
    """What one slot of a node that runs everything has."""
    return lay_out(manifest, frozenset(manifest.stage)).slot_bytes


def examined(setup: Setup, **more: Any) -> Report:
    """What the doctor says of it, in this process."""
    return consult(Question(configs=(setup.config,), listen=LISTEN, **more))


def examined_outside(
    words: Sequence[str | Path],
    before: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    listen: float = LISTEN,
) -> Report:
    """What it says as a process of its own, as on a device; ``before`` is put before it."""
    done = subprocess.run(
        [
            *(*before, sys.executable, "-m", "edgechain.deploy.doctor", "--json"),
            *("--listen", str(listen), *map(str, words)),
        ],
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    report = Report.from_json(done.stdout)
    assert done.returncode == (report.severity is Severity.FAULT)
    return report


def faults(report: Report) -> set[str]:
    """The codes of its faults."""
    return {finding.code for finding in report.findings if finding.severity is Severity.FAULT}


def warnings(report: Report) -> set[str]:
    """The codes of its warnings, without what machines that run tests may have."""
    found = {f.code for f in report.findings if f.severity is Severity.WARNING}
    return found - {"clock-unsynchronised", "disk-low", "throttling-hot"}


def only(report: Report, code: str) -> Finding:
    """The one finding of this code, which is the only fault."""
    assert faults(report) == {code}, report.to_json()
    (found,) = [f for f in report.findings if f.code == code and f.severity is Severity.FAULT]
    assert found.advice, "it says what to do"
    return found


def manifest_of(setup: Setup) -> ChainManifest:
    """Of its chain."""
    return load_manifest(setup.chain)
