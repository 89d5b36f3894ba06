"""Where a device is flashed, and what its SD card is told of the network."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, model_validator

from edgechain.spec.tensor import AtKey, Frozen

TARGET_FORMS = "ssh://[user@]host[:port][/root], dir:PATH or sd:PATH"

_SSH = re.compile(
    r"ssh://([A-Za-z0-9_][A-Za-z0-9_.-]*@)?"
    r"(\[[0-9A-Fa-f:.]+(%[\w.-]+)?\]|[A-Za-z0-9_][A-Za-z0-9_.-]*)"
    r"(:(?P<port>[0-9]{1,5}))?(?P<root>/.*)?",
    re.ASCII,
)
_ROOT = re.compile(r"(~?/[A-Za-z0-9_][A-Za-z0-9_.-]*)(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*/?", re.ASCII)
MAX_PORT = 65535

_PRIVATE = ConfigDict(hide_input_in_errors=True)
"""Pydantic's own errors repeat nothing either."""

MAX_SSID_BYTES = 32
"""IEEE 802.11, 9.4.2.2: an SSID has at most 32 octets."""


def _check_target(text: str) -> str:
    """The form only; whether somebody answers there is for ``edgechain flash`` to see.

    What is refused is not repeated: it may have a password in it.
    """
    if text.startswith("ssh://"):
        _check_ssh(text)
        return text
    kind, _, path = text.partition(":")
    if kind not in ("dir", "sd") or not path or not path.isprintable():
        raise ValueError(f"should be {TARGET_FORMS}")
    return text


def _check_ssh(text: str) -> None:
    user, at, _ = text.removeprefix("ssh://").partition("@")
    if at and ":" in user:
        raise ValueError("has a password in it; SSH keys are used, and passwords never")
    found = _SSH.fullmatch(text)
    if found is None or not 0 < int(found["port"] or 22) <= MAX_PORT:
        raise ValueError(f"is no SSH address; it should be {TARGET_FORMS}")
    if (found["root"] or "/") != "/":
        _check_root(found["root"])


def _check_root(text: str) -> str:
    if not _ROOT.fullmatch(text):
        raise ValueError(
            "should be an absolute path (or begin with ~/) of letters, digits, '.', '_' and '-'"
        )
    return text


def _check_ssid(secret: SecretStr) -> SecretStr:
    if not 0 < len(secret.get_secret_value().encode()) <= MAX_SSID_BYTES:
        raise ValueError(f"should have 1 to {MAX_SSID_BYTES} bytes")
    return secret


def _check_password(secret: SecretStr) -> SecretStr:
    """IEEE 802.11i, H.4.1: 8 to 63 printable ASCII characters, or the key as 64 digits."""
    text = secret.get_secret_value()
    if not re.fullmatch(r"[ -~]{8,63}|[0-9A-Fa-f]{64}", text):
        raise ValueError("should have 8 to 63 ASCII characters, as WPA wants it")
    return secret


def _check_country(text: str) -> str:
    """What is refused is not repeated: a password may have come here by a slip."""
    if not re.fullmatch("[A-Z]{2}", text):
        raise ValueError("should be a country's two letters, as DE, GB or US (ISO 3166)")
    return text


Target = Annotated[
    str, AfterValidator(_check_target), Field(examples=["ssh://pi@pi-a.local", "sd:/media/bootfs"])
]
"""Where a device is flashed, in one of ``TARGET_FORMS``."""

Root = Annotated[str, AfterValidator(_check_root)]


class FlashConfig(Frozen):
    """Where ``edgechain flash`` finds this device; ``--to`` says otherwise."""

    model_config = _PRIVATE

    target: Target
    """ssh://[user@]host[:port][/root], dir:PATH or sd:PATH (a mounted boot partition)."""
    root: Root | None = None
    """The folder on the device that everything is put in; /opt/edgechain for root, else
    ~/edgechain."""

    @model_validator(mode="after")
    def _one_root(self) -> Self:
        if self.root is None:
            return self
        if self.target.startswith("dir:"):
            raise AtKey("root", "with dir: the target is the root; take root out")
        found = _SSH.fullmatch(self.target)
        if found is not None and (found["root"] or "/") != "/":
            raise AtKey("root", "the target names a root already; take one of them out")
        return self


class WifiConfig(Frozen):
    """The Wi-Fi that a board joins when it starts from its SD card for the first time.

    ``edgechain flash --to sd:PATH`` writes it there; it goes nowhere else.
    """

    model_config = _PRIVATE

    ssid: Annotated[SecretStr, AfterValidator(_check_ssid)]
    """The network's name; it may be a `!secret`."""
    password: Annotated[SecretStr, AfterValidator(_check_password)] | None = None
    """The network's password, as `!secret NAME`; an open network has none."""
    country: Annotated[str, AfterValidator(_check_country), Field(examples=["DE", "GB", "US"])]
    """Where the board is, two letters (ISO 3166): radio rules differ, and without it Raspberry Pi
    OS keeps Wi-Fi off."""
