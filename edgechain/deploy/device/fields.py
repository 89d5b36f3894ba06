"""The fields of a request, checked: each is what it should be, or ``Invalid`` says which is not."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping

from edgechain.deploy.device.frames import Body
from edgechain.deploy.device.listing import name_of, sha256_of, size_of
from edgechain.deploy.device.refusal import Invalid

MAX_BLOBS = 8192
MAX_SECONDS = 3600.0
MAX_LINES = 10_000


class Fields:
    """One request; ``body`` is what follows its frame."""

    def __init__(self, frame: Mapping[str, object], body: Body):
        self._frame = frame
        self.body = body

    def get(self, key: str) -> object:
        """Whatever it is; None when it is not there."""
        return self._frame.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        """A text."""
        value = self._frame.get(key, default)
        if not isinstance(value, str):
            raise Invalid(f"{key} is not a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A few texts; none where the key is not there."""
        value = self._frame.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise Invalid(f"{key} is not a list of texts")
        return tuple(value)

    def name(self, key: str) -> str:
        """A device's name."""
        return name_of(self.get(key), key)

    def raw(self, key: str) -> bytes:
        """Bytes in base64."""
        try:
            return base64.b64decode(self.text(key).encode("ascii"), validate=True)
        except ValueError:
            raise Invalid(f"{key} is not base64") from None

    def seconds(self, key: str, default: float) -> float:
        """A duration."""
        value = self._frame.get(key, default)
        if type(value) not in (int, float) or not 0 < float(str(value)) <= MAX_SECONDS:
            raise Invalid(f"{key} is not a number of seconds up to {MAX_SECONDS:.0f}")
        return float(str(value))

    def count(self, key: str, default: int) -> int:
        """How many lines."""
        value = self._frame.get(key, default)
        if type(value) is not int or not 0 <= value <= MAX_LINES:
            raise Invalid(f"{key} is not a number up to {MAX_LINES}")
        return value

    def blob(self) -> tuple[str, int]:
        """The SHA-256 and the bytes of a blob."""
        return sha256_of(self.get("sha256"), "put"), size_of(self.get("size"), "put")

    def blobs(self, key: str) -> Iterator[tuple[str, int]]:
        """Of many."""
        entries = self.get(key)
        if not isinstance(entries, list) or len(entries) > MAX_BLOBS:
            raise Invalid(f"{key} is not a list of at most {MAX_BLOBS:,}")
        for entry in entries:
            if not isinstance(entry, dict):
                raise Invalid(f"{key} does not hold objects")
            yield sha256_of(entry.get("sha256"), key), size_of(entry.get("size"), key)
