"""What a node may listen on."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from edgechain.spec.config import NodeConfig


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1", "192.168.1.20", "::"])
def test_addresses(host: str) -> None:
    assert NodeConfig(name="n", chain="c", host=host).host == host


def test_a_name_is_no_address() -> None:
    with pytest.raises(ValidationError, match="is no address"):
        NodeConfig(name="n", chain="c", host="pi-a.local")


def test_ipv6_is_for_static_peers() -> None:
    with pytest.raises(ValidationError, match="say static"):
        NodeConfig(name="n", chain="c", host="fe80::1")
    assert NodeConfig(name="n", chain="c", host="fe80::1", discovery="static")
