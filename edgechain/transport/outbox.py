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
        self._goodbye: Bye | None = None
        self._owed = 0

    def __len__(self) -> int:
        return len(self._controls) + len(self._tensors) + (self._goodbye is not None)

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
        """Queue a control message. ``Released`` in a row are merged."""
        if self.is_closing:
            return
        if isinstance(control, Bye):
            self._goodbye = control
            return
        self._owed += _weight(control)
        last = self._controls[-1] if self._controls else None
        if (
            isinstance(control, Released)
            and isinstance(last, Released)
            and len(last.keys) < MAX_TOGETHER
        ):
            self._controls[-1] = Released(last.keys + control.keys)
        else:
            self._controls.append(control)

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
