"""What waits to be written on one stream: control in one lane, tensors in another. Pure.

Control overtakes tensors, also between the chunks of a large one; within a lane the order is
kept. A goodbye is the last word: it waits for everything that was queued before it.
"""

from __future__ import annotations

from collections import deque

from edgechain.spec.ids import RequestKey
from edgechain.spec.message import Bye, Control, Refused, Released, TensorSend

MAX_TOGETHER = 1024
"""Keys in one ``Released``: 70 kB, far below gRPC's guard."""

MAX_OWED = 4096
"""Control messages (and keys in them) that wait for a peer to listen. 64 slots with a failure and
a release each stay far below; a peer that goes on asking and does not read is left."""


class Outbox:
    """Two lanes and a goodbye. Nothing is taken in after the goodbye."""

    def __init__(self) -> None:
        self._controls: deque[Control] = deque()
        self._tensors: deque[TensorSend] = deque()
        self._noted: list[Released] = []
        self._goodbye: Bye | None = None
        self._owed = 0

    def __len__(self) -> int:
        waiting = len(self._controls) + len(self._tensors) + len(self._noted)
        return waiting + (self._goodbye is not None)

    @property
    def is_closing(self) -> bool:
        """Whether the goodbye waits or was taken: nothing that comes now will be written."""
        return self._goodbye is not None

    @property
    def has_control(self) -> bool:
        """Whether something waits that overtakes tensors."""
        return bool(self._controls)

    @property
    def has_last_word(self) -> bool:
        """Whether what ends the stream still waits."""
        return self.is_closing or any(isinstance(item, Refused) for item in self._controls)

    @property
    def is_overdue(self) -> bool:
        """Whether more control waits than any peer that listens lets wait."""
        return self._owed > MAX_OWED

    def add(self, control: Control) -> None:
        """Queue a control message."""
        if self.is_closing:
            return
        if isinstance(control, Bye):
            self.mention()
            self._goodbye = control
            return
        self._owed += _weight(control)
        self._controls.append(control)

    def note(self, released: Released) -> None:
        """Keep what is said in passing until ``mention``, or until the goodbye."""
        if not self.is_closing:
            self._owed += _weight(released)
            self._noted.append(released)

    def mention(self) -> None:
        """What was noted is control now, as few messages as may be."""
        noted, self._noted = self._noted, []
        keys = [key for released in noted for key in released.keys]
        held = [seconds for released in noted for seconds in released.held]
        for at in range(0, len(keys), MAX_TOGETHER):
            part = slice(at, at + MAX_TOGETHER)
            self._controls.append(Released(tuple(keys[part]), tuple(held[part])))

    def add_tensor(self, send: TensorSend) -> None:
        """Queue a tensor; not to be called when closing."""
        self._tensors.append(send)

    def take_control(self) -> Control | None:
        """The next control message, if one waits; never the goodbye."""
        if not self._controls:
            return None
        control = self._controls.popleft()
        self._owed -= _weight(control)
        return control

    def take_goodbye(self) -> Bye | None:
        """The goodbye, if it is all that waits."""
        return None if self._controls or self._tensors else self._goodbye

    def take_tensor(self, smaller_than: int | None = None) -> TensorSend | None:
        """The next tensor, if one waits (and has at most so many bytes)."""
        if not self._tensors:
            return None
        if smaller_than is not None and len(self._tensors[0].payload) > smaller_than:
            return None
        return self._tensors.popleft()

    def take_attempt(self, key: RequestKey) -> list[TensorSend]:
        """Every tensor of this attempt that waits; they are not written any more."""
        found = [send for send in self._tensors if send.key == key]
        if found:
            self._tensors = deque(send for send in self._tensors if send.key != key)
        return found


def _weight(control: Control) -> int:
    return len(control.keys) if isinstance(control, Released) else 1
