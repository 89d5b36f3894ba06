"""All the wheels that a device installs without a network, kept on this machine.

    CACHE/wheels/<sha256>/<file name>     every wheel once
    CACHE/locks/<hash>.json               what was chosen for some requirements on some platform

A choice that was made is kept until ``refresh``: flashing a device again changes its packages only
when edgechain asks for others. ``CACHE`` is ``$XDG_CACHE_HOME/edgechain`` (``~/.cache``).
"""

from __future__ import annotations

import email
import hashlib
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from edgechain.deploy.blobs import Blob
from edgechain.deploy.bundle import Wheel
from edgechain.deploy.fetched import fetch
from edgechain.deploy.own_wheel import PACKAGE, describe, own_wheel
from edgechain.deploy.pins import Pins, pin
from edgechain.deploy.platform import Platform
from edgechain.errors import InvalidBundle
from edgechain.files.drafts import draft_of
from edgechain.spec.progress import Say

PIP = "pip"
"""A device's environment is made without pip; this wheel installs the others."""

LITERT = "ai-edge-litert"
TFLITE = "tflite"
"""The extra, and what a device's file says, for tflite-runtime instead of LiteRT."""

ROUNDS = 8
"""How often the choice is made anew for versions that the device's Python does not take."""


def requirements_for(interpreter: str, extras: Sequence[str] = ()) -> tuple[str, ...]:
    """What a node needs that runs its submodels with this interpreter (``NodeConfig``).

    ``extras`` are edgechain's, as in ``pip install 'edgechain[dns]'``.
    """
    said = describe(PACKAGE)
    more = [one for extra in extras for one in said.extras[extra]]
    if interpreter != TFLITE:
        return (*said.requirements, *more, PIP)
    kept = [one for one in said.requirements if re.match(rf"{LITERT}\b", one) is None]
    return (*kept, *said.extras[TFLITE], *more, PIP)


@dataclass(frozen=True, slots=True)
class _Choice:
    """One wheel: its file, its SHA-256, and the pin that gives it again."""

    name: str
    sha256: str
    pin: str


_Lock = tuple[_Choice, ...]


class Wheelhouse:
    """The wheels of this machine, by content. Several processes may use one folder."""

    def __init__(self, cache: Path | None = None):
        self._cache = cache or _default_cache()

    def wheels(
        self,
        platform: Platform,
        interpreter: str = "auto",
        *,
        extras: Sequence[str] = (),
        say: Say = lambda _: None,
        refresh: bool = False,
    ) -> tuple[Wheel, ...]:
        """Everything that a device installs, edgechain itself too, in order of the names.

        Needs the network only for what is not here; ``say`` is told what is looked up or fetched.
        Raises ``InvalidBundle`` when a package has no wheel for the device (which one), or cannot
        be had, and ``MissingDependency`` without uv or pip.
        """
        if interpreter == TFLITE and platform.version >= (3, 12):
            reason = "tflite-runtime has no wheel for it, the last is for 3.11; say litert or auto"
            raise InvalidBundle(
                f"interpreter: tflite needs another Python than {platform}: {reason}"
            )
        own = own_wheel()
        try:
            others = self._others(requirements_for(interpreter, extras), platform, say, refresh)
        except OSError as error:
            reason = f"cannot be written: {error.strerror}"
            raise InvalidBundle(f"{error.filename or self._cache}: {reason}") from error
        found = [*others, Wheel(own.name, Blob.of(own.content))]
        return tuple(sorted(found, key=lambda wheel: wheel.name))

    def _others(
        self, requirements: Sequence[str], platform: Platform, say: Say, refresh: bool
    ) -> list[Wheel]:
        wanted = [sorted(requirements), platform.python, platform.machine]
        key = hashlib.sha256(json.dumps(wanted).encode()).hexdigest()
        path = self._cache / "locks" / f"{key}.json"
        lock = None if refresh else _read(path)
        if lock is None:
            lock = self._choose(requirements, platform, say)
            _write(path, lock)
        elif absent := tuple(one.pin for one in lock if self._here(one) is None):
            self._fetch(absent, platform, say)
        found = [wheel for one in lock if (wheel := self._here(one)) is not None]
        if len(found) != len(lock):
            raise InvalidBundle(f"the index has other files than {path} says; remove that file")
        return found

    def _here(self, one: _Choice) -> Wheel | None:
        """A wheel that was chosen, if it is here and is what it was."""
        path = self._path(one)
        if not path.is_file():
            return None
        wheel = Wheel(one.name, Blob.at(path))
        return wheel if wheel.blob.sha256 == one.sha256 else None

    def _path(self, one: _Choice) -> Path:
        return self._cache / "wheels" / one.sha256 / one.name

    def _choose(self, requirements: Sequence[str], platform: Platform, say: Say) -> _Lock:
        """Resolve and fetch; versions that the device's pip would refuse are left out.

        uv does not look at upper bounds of ``Requires-Python``, pip on the device does.
        """
        chosen: dict[str, _Choice] = {}
        without: list[str] = []
        for _ in range(ROUNDS):
            say(f"looking up packages for {platform}")
            pins = pin(requirements, platform, without)
            absent = tuple(one for one in pins if one not in chosen)
            fresh = self._fetch(absent, platform, say)
            chosen |= {one.pin: one for one in fresh}
            refused = [no for one in fresh if (no := _refusal(self._path(one), platform.python))]
            if not refused:
                return tuple(chosen[one] for one in pins)
            without += refused
        raise InvalidBundle(f"no set of wheels for {platform}: not even {', '.join(without)}")

    def _fetch(self, pins: Pins, platform: Platform, say: Say) -> _Lock:
        """Fetch what is pinned into ``wheels/``."""
        if not pins:
            return ()
        self._cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._cache, prefix=".fetching-") as draft:
            files = fetch(pins, platform, Path(draft), say)
            paths = {canonicalize_name(path.name.partition("-")[0]): path for path in files}
            found = []
            for one in pins:
                path = paths[canonicalize_name(one.partition("==")[0])]
                choice = _Choice(path.name, Blob.at(path).sha256, one)
                self._path(choice).parent.mkdir(parents=True, exist_ok=True)
                path.replace(self._path(choice))
                found.append(choice)
        return tuple(found)


def wheels_for(
    platform: Platform,
    interpreter: str = "auto",
    *,
    extras: Sequence[str] = (),
    say: Say = lambda _: None,
) -> tuple[Wheel, ...]:
    """``Wheelhouse.wheels`` of this user's wheelhouse."""
    return Wheelhouse().wheels(platform, interpreter, extras=extras, say=say)


def _default_cache() -> Path:
    told = os.environ.get("XDG_CACHE_HOME")
    return (Path(told) if told else Path.home() / ".cache") / "edgechain"


def _refusal(path: Path, python: str) -> str | None:
    """``NAME!=VERSION`` for a wheel that says it is not for this Python."""
    with zipfile.ZipFile(path) as wheel:
        (name,) = (n for n in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n))
        said = email.message_from_bytes(wheel.read(name))
    try:
        fits = SpecifierSet(said.get("Requires-Python", "")).contains(f"{python}.0")
    except InvalidSpecifier:
        fits = True
    return None if fits else f"{said['Name']}!={said['Version']}"


def _read(path: Path) -> _Lock | None:
    try:
        return tuple(_Choice(**one) for one in json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _write(path: Path, lock: _Lock) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(one) for one in lock], indent=1)
    with draft_of(path) as draft:
        draft.write_text(text, encoding="utf-8")
