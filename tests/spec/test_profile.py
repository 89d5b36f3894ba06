"""A profile as it is written, with and without what packing takes."""

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
PACKING = """\
packing:
  pack_ms_per_mb: 14.0
  unpack_ms_per_mb: 4.5
  shares:
    conv_1: 0.62
"""


@pytest.mark.parametrize("text", [WRITTEN, WRITTEN + PACKING])
def test_what_was_written_is_read(text: str) -> None:
    assert render(parse(DeviceProfile, text, file="p")) == text


def test_an_old_profile_says_nothing_of_packing() -> None:
    assert parse(DeviceProfile, WRITTEN, file="p").packing is None


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
