"""What people write about DNS is checked where it becomes a noun."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from edgechain.spec.config import NodeConfig
from edgechain.spec.dns import DnsConfig

SERVICE = "_edgechain._tcp.fleet.example"


@pytest.mark.parametrize("service", [SERVICE, f"{SERVICE}.", "edgechain.service.consul", "x"])
def test_services(service: str) -> None:
    assert DnsConfig(service=service).service == service


@pytest.mark.parametrize("service", ["", ".", "a..b", "a b", "-a.b", "x" * 64, "a." * 140, "a/b"])
def test_what_is_no_name_in_dns(service: str) -> None:
    with pytest.raises(ValidationError, match="is no name in DNS"):
        DnsConfig(service=service)


@pytest.mark.parametrize("server", ["10.0.0.1:53", "[fd00::1]:8600"])
def test_servers(server: str) -> None:
    assert DnsConfig.from_word(f"{SERVICE}@{server}") == DnsConfig(service=SERVICE, server=server)


@pytest.mark.parametrize("server", ["", "10.0.0.1", "dns.example:53", "10.0.0.1:0", "10.0.0.1:x"])
def test_a_server_is_an_address_and_a_port(server: str) -> None:
    with pytest.raises(ValidationError, match="IP address and port"):
        DnsConfig.from_word(f"{SERVICE}@{server}")


def test_discovery_by_dns_says_what_to_ask_for() -> None:
    dns = DnsConfig(service=SERVICE)
    assert NodeConfig(name="n", chain="c", discovery="dns", dns=dns).dns == dns
    with pytest.raises(ValidationError, match="belong together"):
        NodeConfig(name="n", chain="c", discovery="dns")
    with pytest.raises(ValidationError, match="belong together"):
        NodeConfig(name="n", chain="c", dns=dns)
