"""What a node's file may say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from edgechain.spec.config import MAX_SLOTS, NodeConfig, is_address

WHOLE: dict[str, Any] = {"name": "pi-1", "chain": "chains/detect"}


def test_two_lines_are_a_node() -> None:
    config = NodeConfig(**WHOLE)
    assert (config.stages, config.discovery, config.namespace) == ("all", "mdns", "default")


@pytest.mark.parametrize(
    "text", ["pi-1:50551", "192.168.1.7:1", "[::1]:50551", "[fe80::1%eth0]:50551", "a.local:65535"]
)
def test_an_address(text: str) -> None:
    assert is_address(text)
    assert NodeConfig(**WHOLE, peers=(text,)).peers == (text,)


@pytest.mark.parametrize(
    "text", ["", "pi-1", ":50551", "pi-1:", "::1:50551", "a b:1", "a:b", "a:1\n"]
)
def test_no_address(text: str) -> None:
    assert not is_address(text)
    with pytest.raises(ValidationError):
        NodeConfig(**WHOLE, peers=(text,))


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"name": "-"}, "should match pattern"),
        ({"chain": ""}, "at least 1 character"),
        ({"stages": ("a", "a")}, "named twice"),
        ({"stages": "most"}, "stages"),
        ({"port": -1}, "greater than or equal to 0"),
        ({"port": 65536}, "less than or equal to 65535"),
        ({"slots": 0}, "greater than or equal to 1"),
        ({"slots": MAX_SLOTS + 1}, "less than or equal to"),
        ({"threads": 0}, "greater than or equal to 1"),
        ({"discovery": "bluetooth"}, "discovery"),
        ({"interpreter": "torch"}, "interpreter"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        NodeConfig(**(WHOLE | fields))
