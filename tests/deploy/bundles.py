"""Bundles made by hand, and devices' roots that are ready to take them."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgechain.deploy.device.environments import COMPLETE
from edgechain.deploy.device.listing import Wheel
from edgechain.deploy.device.store import Store, python_version
from tests.watch.needs import ROOT

DEVICE = "pi-a"
CONFIG = b"name: pi-a\nchain: chain\n"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Bundle:
    """What is flashed; ``changes`` are put over its listing's fields."""

    number: int
    files: Mapping[str, bytes] = field(default_factory=lambda: {"node.yaml": CONFIG})
    private: Sequence[str] = ("node.yaml",)
    wheels: Sequence[Wheel] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, Any]:
        files = [
            {
                "path": path,
                "sha256": sha256(data),
                "size": len(data),
                "private": path in self.private,
            }
            for path, data in self.files.items()
        ]
        wheels = [{"name": w.name, "sha256": w.sha256, "size": w.size} for w in self.wheels]
        return {
            "format": 1,
            "device": DEVICE,
            "number": self.number,
            "python": python_version(),
            "machine": platform.machine(),
            "files": files,
            "wheels": wheels,
            **self.changes,
        }

    @property
    def listing(self) -> bytes:
        return canonical(self.document)

    @property
    def name(self) -> str:
        return f"{self.number:06}-{sha256(self.listing)[:12]}"

    def send(self, store: Store) -> None:
        """Put every blob that is missing."""
        for data in self.files.values():
            if store.missing([(sha256(data), len(data))]):
                store.put(sha256(data), len(data), io.BytesIO(data).read)


def canonical(document: object) -> bytes:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def accept(listing: Path, signature: Path) -> None:
    """A signature that is good."""
    assert listing.is_file()
    assert signature.is_file()


def ready_root(root: Path, wheels: Sequence[Wheel] = (), python: str = "/bin/true") -> Store:
    """A root whose device has a name and an authority, and an environment for these wheels.

    ``python`` is the environment's; ``/bin/true`` finds every signature good.
    """
    store = Store(root)
    ready_environment(store, wheels, python)
    identity = root / "identity"
    identity.mkdir(mode=0o700)
    (identity / "device").write_text(f"{DEVICE}\n")
    (identity / "authority.pem").touch()
    (identity / "identity.pem").touch()
    return store


def ready_environment(
    store: Store, wheels: Sequence[Wheel] = (), python: str = "/bin/true"
) -> None:
    """An environment for these wheels, unless there is one."""
    if store.environments.is_complete(wheels):
        return
    environment = store.environments.path(wheels)
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(python)
    (environment / COMPLETE).touch()


def real_python(script: Path) -> Path:
    """Write a script that is an environment's Python with edgechain in it, without installing."""
    start = f"PYTHONPATH={ROOT} exec {sys.executable} -B"
    script.write_text(f'#!/bin/sh\n[ "$1" = -I ] && shift\n{start} "$@"\n')
    script.chmod(0o755)
    return script


@contextmanager
def locked(store: Store) -> Iterator[Store]:
    lock = store.lock("a test")
    try:
        yield store
    finally:
        lock.release()


def flash(store: Store, bundle: Bundle, *, good: bool = True) -> str:
    """All of it, as somebody who holds the lock."""
    bundle.send(store)
    name = store.install(bundle.listing, b"signature", accept, DEVICE)
    store.switch(name)
    if good:
        store.mark_good(name)
    return name


def whole(root: Path) -> str:
    """The current generation, when every byte of it is what its listing says; else ''."""
    store = Store(root)
    name = store.current
    if name is None:
        return ""
    folder = root / "generations" / name
    try:
        data = (folder / "bundle.json").read_bytes()
        if name.split("-")[1] != sha256(data)[:12]:
            return ""
        for file in json.loads(data)["files"]:
            if sha256((folder / file["path"]).read_bytes()) != file["sha256"]:
                return ""
    except (OSError, ValueError):
        return ""
    return name
