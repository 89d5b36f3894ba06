"""What a device's agent says, checked: it is another machine, and may say anything."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edgechain.errors import CannotReach, DeviceBusy, EdgechainError, FlashFailed, InvalidBundle
from edgechain.spec.printable import one_line, printable

PROTOCOL = 1

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(max_length=4096)]
GenerationName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
"""``000017-<12 hex digits>``; compared and printed, never opened here."""

_MOST_LINES = 10_000
_KINDS: dict[str, type[EdgechainError]] = {"busy": DeviceBusy, "invalid": InvalidBundle}


class _Answer(BaseModel):
    """An answer; keys of a newer agent are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class DeviceState(_Answer):
    """What a device is and has: the answer to ``hello``."""

    protocol: int
    python: str = Field(pattern=r"^3\.[0-9]{1,3}$")
    machine: str = Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")
    hostname: Text
    root: Text
    free_bytes: int = Field(ge=0)
    generations: tuple[GenerationName, ...] = Field(default=(), max_length=1000)
    device: Text = ""
    """The name that it was given; empty before the first flash."""
    revoked: Text = ""
    """The SHA-256 of its list of who is out; empty before there is one."""
    current: GenerationName | None = None
    good: GenerationName | None = None
    highest: int = Field(default=0, ge=0)
    certified: bool = False
    service: Literal["systemd", "user", "process"] = "process"


class Look(_Answer):
    """Which blobs a device has not, and what the current generation is made of.

    Texts are empty where there is none.
    """

    missing: tuple[Sha256, ...] = Field(max_length=100_000)
    listing: str = Field(default="", max_length=1 << 20)
    config: str = Field(default="", max_length=1 << 20)


class Missing(_Answer):
    """Which blobs a device has not."""

    missing: tuple[Sha256, ...] = Field(max_length=100_000)


class Made(_Answer):
    """The name of a generation."""

    generation: GenerationName


class Request(_Answer):
    """A device's request for a certificate, PEM."""

    csr: str = Field(max_length=1 << 16)


class Health(_Answer):
    """Whether a node became healthy, why not, and the last lines of its journal."""

    healthy: bool
    reason: Text = ""
    journal: tuple[str, ...] = Field(default=(), max_length=_MOST_LINES)


class Back(Health):
    """What is current after going back; None where nothing runs any more."""

    current: GenerationName | None = None


class Lines(_Answer):
    """Lines of a node's journal."""

    lines: tuple[str, ...] = Field(default=(), max_length=_MOST_LINES)


class Nothing(_Answer):
    """Done, and nothing to say."""


Answer = TypeVar("Answer", bound=_Answer)


def read_answer(kind: type[Answer], found: dict[str, Any], where: str) -> Answer:
    """An answer as ``kind``; a refusal as the error it stands for."""
    if found.get("ok") is not True:
        error = _KINDS.get(str(found.get("kind")), FlashFailed)
        raise error(f"{where}: {clean(str(found.get('error') or 'refused without a reason'))}")
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        key = ".".join(map(str, error.errors()[0]["loc"]))
        said = "its agent answers with what is no answer to this"
        raise CannotReach(f"{where}: {said} ({clean(key)})") from None


def clean(text: str) -> str:
    """Text from a device on one line, fit for a terminal."""
    return one_line(text)[:2000]


def as_line(text: str) -> str:
    """A line from a device, fit for a terminal; its columns stay."""
    return printable(text, " ").rstrip()
