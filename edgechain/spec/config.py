"""What people write to describe a node: one YAML file per device."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from edgechain.spec.ids import Name
from edgechain.spec.tensor import Frozen
from edgechain.spec.topology import DeviceConfig

ADDRESS_PATTERN = r"^(\[[0-9A-Fa-f:.]+(%[\w.-]+)?\]|[A-Za-z0-9_.-]+):[0-9]{1,5}$"


def is_address(text: str) -> bool:
    """Whether ``text`` is ``host:port``."""
    return re.fullmatch(ADDRESS_PATTERN, text) is not None


def _check_address(text: str) -> str:
    if not is_address(text):
        raise ValueError("should be host:port, an IPv6 host in brackets")
    return text


def _check_stages(value: object) -> object:
    if isinstance(value, str) and value != "all":
        raise ValueError(f"should be a list, [{value}], or all")
    return value


Address = Annotated[str, AfterValidator(_check_address)]
"""``host:port``, an IPv6 host in brackets."""

MAX_SLOTS = 64
IPV6 = 6
MAX_THREADS = 64


class NodeConfig(Frozen):
    """One node: which stages of which chain it runs, and how others find it.

    ``chain`` is the directory with ``chain.yaml``, relative to this file. ``slots`` is how many
    requests the node holds at a time; its memory is slots times the tensors that its stages
    touch. ``threads`` is per stage.

    ``next`` is the directory of another generation to be ready beside: naming it as ``chain``
    later moves the traffic there. A node that gets SIGHUP reads ``chain``, ``stages``, ``next``
    and ``next_stages`` again; anything else waits for its next start.
    """

    name: Name
    identity: str | None = Field(default=None, min_length=1)
    """The directory with this node's key and certificates, relative to this file."""
    insecure: bool = False
    """Do without: nothing is encrypted, and whoever reaches the port is served."""
    chain: str = Field(min_length=1)
    stages: Annotated[tuple[Name, ...] | Literal["all"], BeforeValidator(_check_stages)] = "all"
    next: str | None = Field(default=None, min_length=1)
    next_stages: Annotated[
        tuple[Name, ...] | Literal["all"] | None, BeforeValidator(_check_stages)
    ] = None
    """Which stages of ``next`` run here, where they are not called as those of ``chain``."""
    chain_name: Name | None = None
    """The name clients use; the manifest's own when absent."""
    namespace: Name = "default"
    host: str = "0.0.0.0"  # noqa: S104 - a board serves its LAN; `up` says 127.0.0.1
    port: int = Field(default=50551, ge=0, le=65535)
    discovery: Literal["mdns", "static"] = "mdns"
    interfaces: tuple[str, ...] = ()
    """Interface names or addresses for mDNS; all that are up when empty."""
    peers: tuple[Address, ...] = ()
    """Addresses of nodes that mDNS cannot reach, or all of them when discovery is static."""
    slots: int = Field(default=8, ge=1, le=MAX_SLOTS)
    threads: int = Field(default=4, ge=1, le=MAX_THREADS)
    interpreter: Literal["auto", "litert", "tflite"] = "auto"
    device: DeviceConfig = DeviceConfig()
    """What the planner has to know of it; a node does not look at it."""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        for stages in (self.stages, self.next_stages):
            if isinstance(stages, tuple) and len(set(stages)) != len(stages):
                raise ValueError("a stage is named twice")
            if stages == ():
                raise ValueError("a node runs at least one stage")
        if self.next_stages is not None and self.next is None:
            raise ValueError("next_stages without next")
        if self.insecure and self.identity is not None:
            raise ValueError("a node that is insecure needs no identity; take one of them out")
        self._check_host()
        return self

    def _check_host(self) -> None:
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            reason = "is no address; give this machine's IP address, or 0.0.0.0 for all of them"
            raise ValueError(f"host {self.host!r} {reason}") from None
        if self.discovery == "mdns" and address.version == IPV6 and not address.is_unspecified:
            raise ValueError("mDNS announces IPv4 addresses; with an IPv6 host say static")
