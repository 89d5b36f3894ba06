"""A board that starts from a card with a bundle on it: what is there and new is installed.

Started at every boot by what the card tells cloud-init (``deploy.cloud_init``)::

    python3 /boot/firmware/edgechain/agent.pyz --root ROOT first-boot --bundle DIR

    DIR/bundle.json, bundle.sig     the listing, and the fleet's signature
    DIR/blobs/ab/abcdef...          its files and wheels by their SHA-256

The first time, the board takes the files, makes the environment and its own key, leaves the
request for a certificate in ``ROOT/identity/request.pem`` and waits: no node starts before
`edgechain flash` has brought the certificate over SSH, and then little else has to be sent. With a
certificate, a newer bundle is verified, installed, started and found healthy, or taken back.

Every step is done when it is done: after a power cut the next boot goes on where this one was. A
boot that finds nothing new changes nothing.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from edgechain.deploy.device import disk, environments
from edgechain.deploy.device.listing import LISTING, MAX_BYTES, SIGNATURE, Listing, parse
from edgechain.deploy.device.operations import HEALTH_SECONDS
from edgechain.deploy.device.refusal import Invalid, Refused
from edgechain.deploy.device.service import Service
from edgechain.deploy.device.store import MAX_SIGNATURE, Store, python_version

REQUEST = "request.pem"
TRIED = "card"
"""In ROOT: the last generation from a card that was switched to, whatever became of it."""

WHO = "its own SD card"

Say = Callable[[str], None]


class FirstBoot:
    """One boot of the device with this store; ``bundle`` is the folder on its card."""

    def __init__(self, store: Store, service: Service, bundle: Path, say: Say):
        self._store, self._service = store, service
        self._bundle, self._say = bundle, say

    def run(self) -> None:
        """Do what is not done yet. Raises ``Refused`` or ``OSError``: the next boot tries again."""
        data = _read(self._bundle / LISTING, MAX_BYTES)
        listing = parse(data)
        self._require_ours(listing)
        if self._is_done(listing):
            self._say(f"nothing new on the card: bundle {listing.number} is here")
            return
        lock = self._store.lock(WHO)
        try:
            environment = self._prepare(listing)
            if self._store.trust.is_certified:
                self._install(listing, data, environment)
            else:
                self._ask(listing, environment)
        finally:
            lock.release()

    def _require_ours(self, listing: Listing) -> None:
        """What was made for something else is refused before it takes any space."""
        mine = {"python": python_version(), "machine": platform.machine()}
        if self._store.trust.is_certified:
            mine["device"] = self._store.trust.device
        for key, here in mine.items():
            there = getattr(listing, key)
            if there != here:
                raise Invalid(f"the card's bundle is for {key} {there}, and this one is {here}")

    def _is_done(self, listing: Listing) -> bool:
        """Whether it was tried, or is too old to be; not when the power went in the middle."""
        store, name = self._store, listing.generation
        if listing.number != store.highest:
            return listing.number < store.highest
        on_trial = store.current == name != store.good
        return not on_trial and _noted(store.root / TRIED) == name

    def _prepare(self, listing: Listing) -> Path:
        wanted = {file.sha256: file.size for file in listing.files}
        wanted |= {wheel.sha256: wheel.size for wheel in listing.wheels}
        missing = self._store.missing(wanted.items())
        self._store.require_space(sum(wanted[sha256] for sha256 in missing), wanted)
        if missing:
            self._say(f"taking {len(missing)} files from the card")
        for sha256 in missing:
            path = self._bundle / "blobs" / sha256[:2] / sha256
            with path.open("rb") as file:
                self._store.put(sha256, wanted[sha256], file.read)
        return environments.make(self._store, listing.wheels, self._say)

    def _ask(self, listing: Listing, environment: Path) -> None:
        trust = self._store.trust
        note = trust.folder / REQUEST
        if trust.device != listing.device or not note.is_file():
            request = trust.request(environment, listing.device)
            disk.write(note, request.encode())
        self._say(f"{listing.device} waits for its certificate: flash it over SSH now")

    def _install(self, listing: Listing, data: bytes, environment: Path) -> None:
        store, name = self._store, listing.generation
        if name not in store.generations():
            signature = _read(self._bundle / SIGNATURE, MAX_SIGNATURE)
            judge = store.environment(store.current) if store.current else environment

            def verify(draft: Path, signed: Path) -> None:
                store.trust.verify(judge, draft, signed)

            store.install(data, signature, verify, store.trust.device)
        store.switch(name)
        disk.write(store.root / TRIED, f"{name}\n".encode())
        self._start(name)

    def _start(self, name: str) -> None:
        health = self._service.start(self._store.path(name), HEALTH_SECONDS)
        if health.ok:
            self._store.mark_good(name)
            with suppress(OSError):
                self._store.prune()
            self._say(f"runs {name}, and is well")
            return
        before = self._back()
        raise Refused(f"{name} is not well: {health.reason}; {before}")

    def _back(self) -> str:
        """What runs now, in words."""
        try:
            name = self._store.go_back()
        except Refused:
            self._service.stop()
            self._store.leave()
            return "nothing ran before, and nothing runs now"
        health = self._service.start(self._store.path(name), HEALTH_SECONDS)
        return f"{name} runs again" if health.ok else f"{name} is back: {health.reason}"


def _noted(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _read(path: Path, most: int) -> bytes:
    """A file of the card. Raises ``Refused`` when it is not there."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from error
