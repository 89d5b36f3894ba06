"""What a generation may want of its service; what a unit must not hold is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.deploy.device.needs import Needs
from edgechain.deploy.device.unit import Unit

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_nothing_said_is_nothing_wanted(tmp_path: Path) -> None:
    assert Needs.of(tmp_path) == Needs() == Needs.parse(b"{}")


def test_what_is_said(tmp_path: Path) -> None:
    said = {"groups": ["video", "i2c", "video"], "memory_high": "350M", "memory_max": "80%"}
    (tmp_path / "service.json").write_text(json.dumps(said))
    assert Needs.of(tmp_path) == Needs(("i2c", "video"), "350M", "80%")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        b'{"user": "root"}',
        b'{"groups": "video"}',
        b'{"groups": ["root"]}',
        b'{"groups": [["video"]]}',
        b'{"groups": ["video\\nUser=root"]}',
        b'{"memory_max": 400}',
        b'{"memory_max": "infinity"}',
        b'{"memory_max": "400M\\nUser=root"}',
        b'{"memory_high": "100%"}',
        b'{"memory_max": "0"}',
        b"\xff",
        b"[" * 3000,
        b" " * 5000 + b"{}",
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"service\.json") as raised:
        Needs.parse(text)
    assert len(str(raised.value).splitlines()) == 1


@given(
    st.fixed_dictionaries({}, optional={"groups": JSON, "memory_high": JSON, "memory_max": JSON})
)
def test_whatever_is_said_adds_no_line_to_a_unit(said: dict[str, object]) -> None:
    try:
        needs = Needs.parse(json.dumps(said).encode())
    except ValueError:
        return
    lines = Unit(Path("/opt/edgechain"), system=True, needs=needs).text().splitlines()
    usual = Unit(Path("/opt/edgechain"), system=True).text().splitlines()
    keys = {line.partition("=")[0] for line in lines} - {line.partition("=")[0] for line in usual}
    assert keys <= {"SupplementaryGroups", "DevicePolicy", "DeviceAllow"}
