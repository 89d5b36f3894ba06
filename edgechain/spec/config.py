"""What people write to describe a node: one YAML file per device."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from edgechain.spec.dns import DnsConfig
from edgechain.spec.flashing import FlashConfig, WifiConfig
from edgechain.spec.ids import Name
from edgechain.spec.tensor import AtKey, Frozen
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

HOSTNAME_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$"
"""One label of a host name (RFC 1123, 2.1)."""

TIMEZONE_PATTERN = r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z][A-Za-z0-9_+-]*){0,2}$"
"""A name of the tz database: Europe/Berlin, UTC, America/Argentina/Salta, Etc/GMT+1."""

SECRET_KEYS = frozenset({"wifi"})
"""Where secrets may stand; whoever does not write an SD card leaves them unread."""

GENERATION_KEYS = frozenset({"chain", "stages", "next", "next_stages", "chain_name"})
"""What a node that runs takes from its configuration; the name must be the one that it has."""

LAPTOP_KEYS = SECRET_KEYS | {"device", "flash", "hostname", "timezone", "ssh_keys"}
"""What a running node does not look at: for planning, flashing and the SD card."""


class NodeConfig(Frozen):
    """One node: which stages of which chain it runs, how others find it, and its board.

    Paths are relative to this file. ``stages: []`` is a node that stands by: it runs nothing of
    this generation, and perhaps stages of the next one. A node that gets SIGHUP reads ``chain``,
    ``stages``, ``next`` and ``next_stages`` again; anything else waits for its next start.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    name: Name
    """What it is called: by other nodes, in `edgechain status`, in its certificate."""
    identity: str | None = Field(default=None, min_length=1)
    """The directory with this node's key and certificates, as `edgechain init` makes it;
    `edgechain flash` makes the key on the device instead."""
    insecure: bool = False
    """Do without: nothing is encrypted, and whoever reaches the port is served."""
    chain: str = Field(min_length=1)
    """The directory with `chain.yaml` that `edgechain split` made."""
    stages: Annotated[tuple[Name, ...] | Literal["all"], BeforeValidator(_check_stages)] = "all"
    """Which stages of the chain run here: a list, or all."""
    next: str | None = Field(default=None, min_length=1)
    """The directory of another generation to be ready beside; naming it as `chain` later moves the
    traffic there."""
    next_stages: Annotated[
        tuple[Name, ...] | Literal["all"] | None, BeforeValidator(_check_stages)
    ] = None
    """Which stages of ``next`` run here, where they are not those of ``chain``."""
    chain_name: Name | None = None
    """The name clients use; the manifest's own when absent."""
    namespace: Name = "default"
    """Which fleet: nodes see only those of their own namespace."""
    host: str = "0.0.0.0"  # noqa: S104 - a board serves its LAN; `up` says 127.0.0.1
    """The address to listen on; 0.0.0.0 is all of them."""
    port: int = Field(default=50551, ge=0, le=65535)
    """The TCP port to listen on; 0 takes a free one."""
    discovery: Literal["mdns", "static", "dns"] = "mdns"
    """How nodes find each other: by multicast DNS, by DNS SRV, or only by the addresses in
    `peers`."""
    dns: DnsConfig | None = None
    """What to ask for where discovery is dns."""
    interfaces: tuple[str, ...] = ()
    """Interface names or addresses for mDNS; all that are up when empty."""
    peers: tuple[Address, ...] = ()
    """Addresses of nodes that discovery does not find, or all of them when it is static."""
    slots: int = Field(default=8, ge=1, le=MAX_SLOTS)
    """How many requests it holds at a time; its memory is slots times the tensors that its stages
    touch."""
    threads: int = Field(default=4, ge=1, le=MAX_THREADS)
    """Threads of the interpreter, per stage."""
    interpreter: Literal["auto", "litert", "tflite"] = "auto"
    """LiteRT, or tflite-runtime where LiteRT is not installed (auto); or one of them."""
    camera: bool = False
    """Whether a camera is read here: its service may use video devices."""
    memory_max_mb: int | None = Field(default=None, ge=64, le=100_000)
    """What its service may take of the memory, in millions of bytes; beyond, systemd ends it."""
    device: DeviceConfig = DeviceConfig()
    """What the planner has to know of it; a node does not look at it."""
    flash: FlashConfig | None = None
    """Where `edgechain flash` finds it."""
    hostname: str | None = Field(default=None, pattern=HOSTNAME_PATTERN)
    """What the board is called in its network, on an SD card; after `name` when absent."""
    timezone: str | None = Field(default=None, pattern=TIMEZONE_PATTERN, max_length=64)
    """Its time zone (Europe/Berlin), on an SD card."""
    ssh_keys: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Files with PUBLIC keys that may log in, relative to this file, on an SD card."""
    wifi: WifiConfig | None = None
    """The Wi-Fi that it joins, on an SD card."""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        for key, stages in (("stages", self.stages), ("next_stages", self.next_stages)):
            if isinstance(stages, tuple) and len(set(stages)) != len(stages):
                raise AtKey(key, "a stage is named twice")
        if self.next_stages is not None and self.next is None:
            raise AtKey("next_stages", "next_stages without next")
        if self.insecure and self.identity is not None:
            reason = "a node that is insecure needs no identity; take one of them out"
            raise AtKey("insecure", reason)
        if (self.discovery == "dns") is (self.dns is None):
            reason = "discovery: dns and what to ask for (dns: service) belong together"
            raise AtKey("discovery", reason)
        self._check_host()
        return self

    def _check_host(self) -> None:
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            reason = "is no address; give this machine's IP address, or 0.0.0.0 for all of them"
            raise AtKey("host", f"host {self.host!r} {reason}") from None
        if self.discovery == "mdns" and address.version == IPV6 and not address.is_unspecified:
            reason = "mDNS announces IPv4 addresses; with an IPv6 host say static"
            raise AtKey("discovery", reason)
