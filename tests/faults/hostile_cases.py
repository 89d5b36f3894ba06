"""Some hundred ways to give a device what it must not take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from tests.deploy.agent_client import AgentClient, Answer
from tests.deploy.bundles import DEVICE
from tests.deploy.hostile_listings import (
    CONFIG,
    MEETING,
    ODD,
    ODD_PATHS,
    PATHS,
    UP,
    WEIRD,
    file_of,
)
from tests.faults import hostile_places
from tests.faults.hostile import CURRENT, NEW, OLD, A, Case, World, asks, bundle, installs, send

NO_TEXTS: tuple[object, ...] = (7, [], {})


def cases() -> list[Case]:
    """All of them."""
    groups = (_listings, _signatures, _bundles, _blobs, _names, _frames)
    return [*(case for group in groups for case in group()), *hostile_places.cases()]


# Listings that our own authority has signed ------------------------------------------------------


def _files(*entries: object) -> bytes:
    files = bundle(NEW).document["files"]
    return bundle(NEW, files=[*files, *entries]).listing


def _listings() -> Iterator[Case]:
    for path in (*PATHS, *ODD_PATHS):
        data = _files(file_of(path, sha256=A))
        yield Case(f"path {str(path)[:40]!a}", installs(data), r"path|not JSON")
    yield Case("absolute path beside", _absolute, "path")
    for paths, reason in MEETING:
        data = _files(*(file_of(path, sha256=A) for path in paths))
        yield Case(f"paths {paths}", installs(data), reason)
    for key, value, reason in ODD:
        yield Case(
            f"{key} {str(value)[:40]!a}", installs(bundle(NEW, **{key: value}).listing), reason
        )
    for data, reason in WEIRD:
        yield Case(f"listing {data[:20]!a}", installs(data), f"{reason}|not canonical")


def _absolute(world: World, device: AgentClient) -> Answer:
    return send(world, device, _files(file_of(str(world.outside / "new"), sha256=A)), None)


# Signatures --------------------------------------------------------------------------------------


def _signatures() -> Iterator[Case]:
    good = bundle(NEW).listing

    def signed(change: Callable[[bytes], bytes]) -> Callable[[World, AgentClient], Answer]:
        return lambda world, device: send(world, device, good, change(world.sign(good)))

    changes: dict[str, Callable[[bytes], bytes]] = {
        "none": lambda _: b"",
        "zeros": lambda signature: bytes(len(signature)),
        "cut": lambda signature: signature[:-1],
        "more": lambda signature: signature + b"\0",
        "twice": lambda signature: signature * 2,
        "text": lambda _: b"-----BEGIN SIGNATURE-----",
        "no numbers": lambda _: bytes.fromhex("30060201000201 00"),
        "huge": lambda signature: signature * 200,
    }
    for place in range(0, 70, 7):
        changes[f"bit {place * 8}"] = partial(_flipped, place)
    for name, change in changes.items():
        yield Case(f"signature: {name}", signed(change), "signature")
    yield Case("signed by another fleet", _by_others, "signature")
    yield Case("signed for another listing", _for_another, "signature")
    yield Case("signature that is no base64", _no_base64, "base64")
    for old, new in ((b'"number":6', b'"number":7'), (b'"private":true', b'"private":false')):
        yield Case(f"{new!a} after signing", partial(_changed, old, new), "signature")


def _flipped(place: int, signature: bytes) -> bytes:
    changed = bytearray(signature)
    changed[place % len(changed)] ^= 1
    return bytes(changed)


def _by_others(world: World, device: AgentClient) -> Answer:
    return send(world, device, bundle(NEW).listing, world.others.sign(bundle(NEW).listing))


def _for_another(world: World, device: AgentClient) -> Answer:
    return send(world, device, bundle(NEW).listing, world.sign(bundle(CURRENT).listing))


def _no_base64(world: World, device: AgentClient) -> Answer:
    device.must("lock", who="a stranger")
    return device.ask("install", listing=bundle(NEW).listing.decode(), signature="_-!")


def _changed(old: bytes, new: bytes, world: World, device: AgentClient) -> Answer:
    good = bundle(NEW).listing
    assert old in good
    return send(world, device, good.replace(old, new, 1), world.sign(good))


# Bundles that were good, or are for others -------------------------------------------------------


def _bundles() -> Iterator[Case]:
    for number in (1, OLD, CURRENT):
        yield Case(f"replayed number {number}", installs(bundle(number).listing), "replay")
    again = bundle(CURRENT, files=[{**CONFIG, "sha256": A}]).listing
    yield Case("another bundle with the current number", installs(again), "replay")
    for key, value in (("device", "pi-b"), ("python", "3.99"), ("machine", "z80")):
        yield Case(
            f"for {key} {value}", installs(bundle(NEW, **{key: value}).listing), f"for {key}"
        )
    name = DEVICE.upper()
    yield Case(f"for device {name}", installs(bundle(NEW, device=name).listing), "for device")
    wheels = [{"name": "x-1-py3-none-any.whl", "sha256": A, "size": 1}]
    yield Case("wheels that are not here", installs(bundle(NEW, wheels=wheels).listing), "wheels")
    for size in (0, 2, 1 << 31):
        data = _files(file_of("x", sha256=A, size=size))
        yield Case(f"a blob of {size} bytes", installs(data), "was not sent|no space")
    yield Case("a blob that was not sent", installs(_files(file_of("x"))), "was not sent")
    large = [file_of(f"x{i}", size=1 << 31, private=True) for i in range(2000)]
    yield Case("4 TB of private files", installs(_files(*large)), "no space")


# Blobs -------------------------------------------------------------------------------------------


def _blobs() -> Iterator[Case]:
    def put(body: bytes, **asked: object) -> Callable[[World, AgentClient], Answer]:
        def attack(world: World, device: AgentClient) -> Answer:
            device.must("lock", who="a stranger")
            return device.ask("put", body, **asked)

        return attack

    yield Case("wrong bytes", put(b"b", sha256=A, size=1), "has sha256")
    yield Case("no bytes for a hash", put(b"", sha256=A, size=0), "has sha256")
    for odd in (
        "",
        "..",
        "../../../outside/new",
        "/etc/passwd",
        A.upper(),
        A[:-1],
        A + "\0",
        "g" * 64,
    ):
        yield Case(f"blob {odd[:20]!a}", put(b"a", sha256=odd, size=1), "sha256 is")
    for value in ODD_PATHS:
        yield Case(f"blob {value}", put(b"a", sha256=value, size=1), "sha256 is")
    sizes: list[object] = [-1, "1", 1.0, None, True, [], 1e999, -(1 << 70)]
    for size in sizes:
        yield Case(f"{size} bytes", put(b"", sha256=A, size=size), "size is|no JSON")
    yield Case("a truncated blob", _truncated, "ends|EOF")
    for size in (1 << 40, 1 << 62, 1 << 80):
        yield Case(f"{size} bytes announced", partial(_announced, size), "size is")
    yield Case("petabytes asked for", _petabytes, "no space")
    lists: list[object] = [[{}], {}, "x", [[]], [{"sha256": UP, "size": 1}], [{"sha256": A}] * 9000]
    for blobs in lists:
        yield Case(f"missing {str(blobs)[:30]}", asks("missing", blobs=blobs), "blobs")


def _ends(device: AgentClient) -> Answer:
    """Nothing more is sent; the last that is heard."""
    assert device.process.stdin is not None
    device.process.stdin.close()
    return device.hear()


def _truncated(world: World, device: AgentClient) -> Answer:
    device.must("lock", who="a stranger")
    device.send({"op": "put", "sha256": A, "size": 1000}, b"a" * 10)
    return _ends(device)


def _announced(size: int, world: World, device: AgentClient) -> Answer:
    device.must("lock", who="a stranger")
    device.send({"op": "put", "sha256": A, "size": size}, b"a" * 10)
    return _ends(device)


def _petabytes(world: World, device: AgentClient) -> Answer:
    many = [{"sha256": f"{i:064x}", "size": 1 << 31} for i in range(8000)]
    return asks("missing", blobs=many)(world, device)


# Names of generations, frames, lines -------------------------------------------------------------


def _names() -> Iterator[Case]:
    odd = ["", ".", "..", "../../outside", "/etc", "000099-0123456789ab", "x" * 5000, "a\0b", "\n"]
    for op in ("switch", "good", "rollback", "start"):
        for name in odd:
            if name or op in {"switch", "good"}:
                words = "no generation|not the current"
                yield Case(f"{op} {name[:20]!a}", asks(op, name=name), words)
        for value in NO_TEXTS:
            yield Case(f"{op} {value}", asks(op, name=value), "name is not a text")
    yield Case("switch to an older one", asks("switch", name=bundle(OLD).name), "rollback")
    yield Case("lock as nobody", lambda _, device: device.ask("lock", who=7), "who is not")
    for op in ("put", "install", "switch", "good", "rollback", "environment", "missing", "start"):
        yield Case(f"{op} without the lock", partial(_without_lock, op), "lock")


def _without_lock(op: str, world: World, device: AgentClient) -> Answer:
    return device.ask(op)


def _frames() -> Iterator[Case]:
    deep = b'{"op":' + b"[" * 100_000
    raw = {
        "4 GB": b"\xff\xff\xff\xff",
        "one byte too long": (((1 << 20) + (1 << 16)) + 1).to_bytes(4, "big"),
        "no object": b"\0\0\0\2[]",
        "no JSON": b"\0\0\0\1{",
        "no UTF-8": b"\0\0\0\2\xff\xfe",
        "nothing": b"\0\0\0\0",
        "cut": b"\0\0\0\5{",
        "cut head": b"\0\0",
        "deep": len(deep).to_bytes(4, "big") + deep,
    }
    for name, data in raw.items():
        yield Case(f"frame: {name}", partial(_raw, data), "frame")
    for op in ("", "shell", "__init__", "hello\0", "HELLO", "x" * 5000):
        yield Case(f"op {op[:20]!a}", partial(_without_lock, op), "knows no operation")
    for value in (None, *NO_TEXTS):
        yield Case(f"op {value}", partial(_odd_op, value), "op is not")
    yield Case("a follow of a billion lines", asks("logs", lines=10**9), "lines is not")
    yield Case("a wait of years", asks("start", seconds=1e9), "seconds is not")
    yield Case("a wait of nothing", asks("start", seconds=float("nan")), "seconds is not")


def _raw(data: bytes, world: World, device: AgentClient) -> Answer:
    device.write(data)
    return _ends(device)


def _odd_op(value: object, world: World, device: AgentClient) -> Answer:
    device.send({"op": value})
    return device.hear()
