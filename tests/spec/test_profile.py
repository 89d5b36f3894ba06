"""A profile as it is written, with and without what packing takes and what loopback cost."""

from __future__ import annotations

import pytest

from edgechain.errors import InvalidDocument
from edgechain.spec.document import parse, render
from edgechain.spec.profile import MOST_SHARES, DeviceProfile

WRITTEN = f"""\
device: pi-a
model:
  file: detect.tflite
  sha256: {"61e2" * 16}
interpreter: litert
threads: 4
operator_ms: [0.81, 0.36]
"""
LOOPBACK = """\
loopback:
  send_ms_per_mb: 0.4
  receive_ms_per_mb: 0.6
  message_ms: 0.2
"""
PACKING = """\
packing:
  pack_ms_per_mb: 14.0
  unpack_ms_per_mb: 4.5
  shares:
    conv_1: 0.62
"""


@pytest.mark.parametrize("text", [WRITTEN, WRITTEN + PACKING, WRITTEN + LOOPBACK + PACKING])
def test_what_was_written_is_read(text: str) -> None:
    assert render(parse(DeviceProfile, text, file="p")) == text


def test_an_old_profile_says_nothing_of_packing() -> None:
    assert parse(DeviceProfile, WRITTEN, file="p").packing is None


def test_in_an_old_profile_a_link_may_have_cost_everything() -> None:
    old = WRITTEN + "stage_ms: 0.5\nsend_ms_per_mb: 0.9\nreceive_ms_per_mb: 1.1\n"
    found = parse(DeviceProfile, old, file="p").over_loopback
    assert (found.message_ms, found.send_ms_per_mb, found.receive_ms_per_mb) == (0.5, 0.9, 1.1)
    found = parse(DeviceProfile, old + LOOPBACK, file="p").over_loopback
    assert (found.message_ms, found.send_ms_per_mb, found.receive_ms_per_mb) == (0.2, 0.4, 0.6)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("0.62", "1.01", "less than or equal to 1"),
        ("0.62", ".nan", "packing.shares.conv_1"),
        ("14.0", "-1", "greater than or equal to 0"),
        ("conv_1", '"\\e[2J"', "has letters that cannot be printed"),
        ("    conv_1: 0.62\n", "".join(f"    t{at}: 1\n" for at in range(MOST_SHARES + 1)), "1000"),
    ],
)
def test_what_cannot_be_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(InvalidDocument, match=said):
        parse(DeviceProfile, (WRITTEN + PACKING).replace(old, new), file="p")
