"""The agent: does what it is asked on a device, one request after the other, and answers each once.

The requests are ``operations.OPERATIONS``; an answer is ``{"ok": true, ...}`` or ``{"ok": false,
"kind": "busy" | "invalid" | "failed", "error": "one line"}``. While an operation works it may say
how far it is: ``{"progress": "installing 20 wheels"}``.

What was answered ``ok`` is on the disk. After a refusal the device runs what it ran before, and
what the disk could not hold is given back. A connection that ends between ``switch`` and ``good``
leaves nothing open: a generation that was found healthy is good, any other is taken back.
"""

from __future__ import annotations

import errno
import logging
from io import BufferedReader
from typing import BinaryIO

from edgechain.deploy.device.fields import Fields
from edgechain.deploy.device.frames import Body, Broken, Frame, read_frame, write_frame
from edgechain.deploy.device.operations import OPERATIONS, WITHOUT_LOCK, Operations
from edgechain.deploy.device.refusal import Invalid, Refused, one_line
from edgechain.deploy.device.service import Service
from edgechain.deploy.device.store import Store

_log = logging.getLogger(__name__)


class Agent:
    """One conversation over two pipes."""

    def __init__(self, store: Store, service: Service, source: BufferedReader, answers: BinaryIO):
        self._store, self._source, self._answers = store, source, answers
        self._operations = Operations(store, service, self._say, lambda: source.peek(1))

    def serve(self) -> None:
        """Answer until the stream ends."""
        try:
            while (frame := self._next()) is not None:
                body = Body(self._source, _body_size(frame))
                answer = self._answer(Fields(frame, body))
                body.drain()
                write_frame(self._answers, answer)
        except BrokenPipeError:
            _log.info("whoever flashed has gone")
        finally:
            self._operations.end()

    def _next(self) -> Frame | None:
        try:
            return read_frame(self._source)
        except Broken as error:
            write_frame(self._answers, _refusal(error))
            return None

    def _answer(self, asked: Fields) -> dict[str, object]:
        try:
            name = asked.text("op")
            if name not in OPERATIONS:
                raise Invalid(f"this agent knows no operation {name[:40]!a}")
            if name not in WITHOUT_LOCK and not self._operations.is_locked:
                raise Invalid(f"{name} needs the lock, which this connection does not hold")
            return {"ok": True, **OPERATIONS[name](self._operations, asked)}
        except Refused as error:
            return _refusal(error)
        except BrokenPipeError:
            raise
        except OSError as error:
            return _refusal(self._explained(error))

    def _explained(self, error: OSError) -> Refused:
        """What the disk said, in our words, after giving back what can be given back."""
        if self._operations.is_locked:
            try:
                self._store.recover()
            except OSError as again:
                _log.warning("cannot clear away: %s", again)
        where = one_line(error.filename or self._store.root)
        what = "no space left" if error.errno == errno.ENOSPC else error.strerror or str(error)
        return Refused(f"{what} ({where}); this device runs what it ran before")

    def _say(self, text: str) -> None:
        write_frame(self._answers, {"progress": text})


def _refusal(error: Refused) -> dict[str, object]:
    return {"ok": False, "kind": error.kind, "error": one_line(error)}


def _body_size(frame: Frame) -> int:
    """Raw bytes that follow a frame. A ``put`` that does not say how many has none."""
    size = frame.get("size") if frame.get("op") == "put" else 0
    return size if type(size) is int and size > 0 else 0
