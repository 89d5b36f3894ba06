"""How gRPC is told to behave, and its method names. Values: DESIGN.md, section 5."""

from __future__ import annotations

SERVICE = "edgechain.v1.Node"
LINK = f"/{SERVICE}/Link"
STATUS = f"/{SERVICE}/Status"
MANIFEST = f"/{SERVICE}/Manifest"
PROFILE = f"/{SERVICE}/Profile"
PROBE = f"/{SERVICE}/Probe"
ECHO = f"/{SERVICE}/Echo"

Option = tuple[str, int]

_BOUNDED: tuple[Option, ...] = (
    # HTTP/2 windows of a fixed size: gRPC's bandwidth probe lets them grow with whatever a peer
    # sends, 170 MB beside 17 MB of slots (`make faults ARGS="--only greedy"`). 4 MB is a gigabit
    # for 32 ms, far beyond a LAN's round trip.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 4 << 20),
    # Only "identity": what is compressed is refused, so a small message can not become a large one.
    ("grpc.compression_enabled_algorithms_bitset", 1),
)

_KEEPALIVE: tuple[Option, ...] = (
    ("grpc.keepalive_time_ms", 2000),
    # 1000 kills a healthy loaded 5 Mbit/s link; without it a silent peer is noticed after 62 s
    # or never, because keepalive_timeout_ms does nothing in this version of gRPC.
    ("grpc.http2.ping_timeout_ms", 4000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
)

CHANNEL_OPTIONS: tuple[Option, ...] = (
    *_KEEPALIVE,
    *_BOUNDED,
    ("grpc.initial_reconnect_backoff_ms", 100),
    # In spite of its name how long TCP and TLS may take: no less than our own longest try.
    ("grpc.min_reconnect_backoff_ms", 2500),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)

SERVER_OPTIONS: tuple[Option, ...] = (
    *_KEEPALIVE,
    *_BOUNDED,
    ("grpc.http2.min_ping_interval_without_data_ms", 500),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.so_reuseport", 0),
)
