"""Who may say what this device runs: its fleet's authority, pinned at the first flash.

Keys and signatures are the business of edgechain's own code, which a device has in its
environments: it is asked there. ``ROOT/identity`` holds the device's key (made here, never sent),
its certificate, the authority's, what was revoked, and ``device``, the name it has been given. To
give a device to another fleet, remove ``ROOT/identity``.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from edgechain.deploy.device import disk
from edgechain.deploy.device.commands import ProgramFailed, run
from edgechain.deploy.device.environments import python_of
from edgechain.deploy.device.refusal import Invalid

SECONDS = 120.0
"""A slow board imports the cryptography library for some seconds."""

MAX_BYTES = 1 << 20

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END \1-----")
_LOAD = """
import sys
from pathlib import Path
from edgechain.errors import EdgechainError
from edgechain.security.identity import load_identity
try:
    party = load_identity(Path(sys.argv[1])).party
except EdgechainError as error:
    sys.exit(str(error))
if (party.role.name, party.name) != ("NODE", sys.argv[2]):
    sys.exit(f"it is for {party}, and this device is {sys.argv[2]}")
"""


class Trust:
    """``ROOT/identity``. Its methods that take an environment run that one's code."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.authority = folder / "authority.pem"
        self._certificate = folder / "identity.pem"
        self._name = folder / "device"

    @property
    def device(self) -> str:
        """The name that this device was given; empty before."""
        try:
            return self._name.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return ""

    @property
    def is_certified(self) -> bool:
        """Whether it has a certificate."""
        return bool(self.device) and self.authority.is_file() and self._certificate.is_file()

    @property
    def revoked(self) -> str:
        """The SHA-256 of the list of who is out; empty before there is one."""
        try:
            return hashlib.sha256((self.folder / "revoked.crl").read_bytes()).hexdigest()
        except OSError:
            return ""

    def request(self, environment: Path, name: str) -> str:
        """A request for a certificate (PEM) for this device's key, which is made if need be.

        Raises ``Invalid`` when the device has another name already.
        """
        if self.is_certified and self.device != name:
            reason = f"remove {self.folder} to make it another one"
            raise Invalid(f"this device is {self.device}, not {name}; {reason}")
        disk.folder(self.folder, 0o700)
        command = _module(environment, "request")
        csr = run("the request for a certificate", [*command, "--name", name, self.folder], SECONDS)
        disk.sync(self.folder)
        disk.write(self._name, f"{name}\n".encode())
        return csr

    def certify(self, environment: Path, authority: str, certificate: str, revoked: str) -> None:
        """Take what the authority says (PEM texts). Raises ``Invalid`` for another authority's.

        What does not fit this device's key, or does not hold together, is refused before any of
        it counts.
        """
        disk.folder(self.folder, 0o700)
        if self.authority.exists() and not self._is_pinned(authority):
            reason = f"this device belongs to another fleet; remove {self.folder} to change that"
            raise Invalid(reason)
        files = {
            self.authority.name: authority,
            "revoked.crl": revoked,
            self._certificate.name: certificate,
        }
        if any(len(text) > MAX_BYTES for text in files.values()):
            raise Invalid(f"a certificate of more than {MAX_BYTES:,} bytes is none")
        self._require_sound(environment, files)
        for name, text in files.items():
            disk.write(self.folder / name, text.encode())

    def verify(self, environment: Path, listing: Path, signature: Path) -> None:
        """Raise ``Invalid`` unless the authority signed the listing."""
        if not self.is_certified:
            raise Invalid("this device has no identity yet, so no authority to ask for")
        command = [*_module(environment, "signature"), "--authority", self.authority]
        try:
            run("the check of the signature", [*command, listing, signature], SECONDS)
        except ProgramFailed as error:
            reason = error.reason.removeprefix(f"{listing}: ")
            raise Invalid(f"the bundle's signature: {reason}") from None

    def drop_drafts(self) -> None:
        """Remove what was not finished."""
        disk.drop_drafts(self.folder)

    def _is_pinned(self, authority: str) -> bool:
        return _der(authority) == _der(self.authority.read_text(encoding="ascii"))

    def _require_sound(self, environment: Path, files: dict[str, str]) -> None:
        draft = self.folder / ".draft"
        if draft.exists():
            disk.remove(draft)
        disk.folder(draft, 0o700)
        try:
            disk.link(draft / "identity.key", self.folder / "identity.key")
            for name, text in files.items():
                disk.write(draft / name, text.encode())
            words: list[str | Path] = ["-I", "-c", _LOAD, draft, self.device]
            run("the check of the certificate", [python_of(environment), *words], SECONDS)
        except FileNotFoundError:
            raise Invalid("this device has no key yet, so no certificate fits") from None
        except ProgramFailed as error:
            reason = error.reason.replace(str(draft), str(self.folder))
            raise Invalid(f"the certificate cannot be used: {reason}") from None
        finally:
            disk.remove(draft)


def _module(environment: Path, name: str) -> list[str | Path]:
    return [python_of(environment), "-I", "-m", f"edgechain.security.{name}"]


def _der(text: str) -> bytes:
    """What a PEM text holds. Raises ``Invalid`` unless that is one certificate."""
    found = _PEM.findall(text)
    if len(found) != 1 or found[0][0] != "CERTIFICATE":
        raise Invalid("the authority's certificate is not one certificate in PEM")
    try:
        return base64.b64decode("".join(found[0][1].split()), validate=True)
    except ValueError:
        raise Invalid("the authority's certificate is not one certificate in PEM") from None
