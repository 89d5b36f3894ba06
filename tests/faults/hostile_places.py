"""Attacks by wheels and certificates, and by what somebody has planted in a device's root."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Iterator
from functools import partial

from edgechain.security.request import request_certificate
from edgechain.spec.message import Role
from tests.deploy.agent_client import AgentClient, Answer
from tests.deploy.bundles import sha256
from tests.deploy.hostile_listings import UP
from tests.deploy.wheels import WHEELS
from tests.faults.hostile import NEW, OLD, A, Case, World, asks, bundle, installs

FILES = frozenset({"good", "highest", "lock", "identity/device", f"blobs/{A[:2]}/{A}"})


def cases() -> list[Case]:
    """All of them."""
    return [case for group in (_wheels, _members, _links) for case in group()]


# Wheels ------------------------------------------------------------------------------------------

NAME = "bad-1-py3-none-any.whl"


def _wheels() -> Iterator[Case]:
    for path in ("../../../../../../outside/new", "bad-1.data/data/../../../../../outside/new"):
        yield Case(f"wheel with {path}", partial(_wheel, _zip(path)), "pip failed|outside")
    yield Case("wheel with an absolute path", _absolute_wheel, "pip failed")
    yield Case("wheel that is no zip", partial(_wheel, b"PK\3\4 no"), "is not a wheel")
    yield Case("wheel that is empty", partial(_wheel, b""), "is not a wheel")
    yield Case("wheel without its description", partial(_wheel, _empty_zip()), "pip failed")
    yield Case("wheel of 8 TB", partial(_wheel, _bomb()), "no space")
    yield Case("wheels without pip", _no_pip, "no wheel of pip")
    yield Case("wheels that are not here", asks("environment", wheels=[_named(b"x")]), "not sent")
    up = {"name": UP, "sha256": A, "size": 1}
    odd: list[object] = [None, {}, [7], [up], [_named(b"a")] * 2]
    for wheels in odd:
        words = "wheels|is there twice"
        yield Case(f"wheels {str(wheels)[:30]}", asks("environment", wheels=wheels), words)


def _named(data: bytes, name: str = NAME) -> dict[str, object]:
    return {"name": name, "sha256": sha256(data), "size": len(data)}


def _wheel(data: bytes, world: World, device: AgentClient) -> Answer:
    device.must("lock", who="a stranger")
    (pip,) = (name for name in WHEELS if name.startswith("pip-"))
    for one in (data, WHEELS[pip]):
        device.must("put", one, sha256=sha256(one), size=len(one))
    return device.ask("environment", wheels=[_named(data), _named(WHEELS[pip], pip)])


def _no_pip(world: World, device: AgentClient) -> Answer:
    device.must("lock", who="a stranger")
    data = _zip("bad.py")
    device.must("put", data, sha256=sha256(data), size=len(data))
    return device.ask("environment", wheels=[_named(data)])


def _absolute_wheel(world: World, device: AgentClient) -> Answer:
    return _wheel(_zip(str(world.outside / "new")), world, device)


def _zip(path: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        about = "bad-1.dist-info"
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: bad\nVersion: 1\n")
        archive.writestr(path, "new")
        archive.writestr(f"{about}/RECORD", "")
    return out.getvalue()


def _empty_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w"):
        pass
    return out.getvalue()


def _bomb() -> bytes:
    """A zip file whose directory says more than any card holds."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(2048):
            archive.writestr(f"x{number}", b"")
    many = bytearray(out.getvalue())
    place = -1
    while (place := many.find(b"PK\1\2", place + 1)) >= 0:
        many[place + 24 : place + 28] = b"\xfe\xff\xff\xff"
    return bytes(many)


# Who belongs to the fleet ------------------------------------------------------------------------


def _members() -> Iterator[Case]:
    for name in ("pi-b", "../x", "", "a b", "x" * 64, None, 7):
        words = "this device is|name is"
        yield Case(f"another name {name!a}", asks("identity", name=name, wheels=[]), words)
    yield Case("another fleet", _other_fleet, "another fleet")
    yield Case("a certificate for another key", _other_key, "cannot be used")
    yield Case("a certificate for another name", _other_name, "cannot be used")
    for number, text in enumerate(("", "x", "-----BEGIN CERTIFICATE-----", "\0" * 1000)):
        yield Case(
            f"no authority {number}", partial(_text, "authority", text), "not one certificate"
        )
        yield Case(
            f"no certificate {number}", partial(_text, "certificate", text), "cannot be used"
        )
        yield Case(f"no list {number}", partial(_text, "revoked", text), "cannot be used")
    yield Case("two authorities", _two_authorities, "not one certificate")


def _given(world: World) -> dict[str, str]:
    place = world.root / "identity"
    names = {"authority": "authority.pem", "certificate": "identity.pem", "revoked": "revoked.crl"}
    return {key: (place / name).read_text() for key, name in names.items()}


def _text(key: str, text: str, world: World, device: AgentClient) -> Answer:
    return asks("certify", **{**_given(world), key: text})(world, device)


def _other_fleet(world: World, device: AgentClient) -> Answer:
    theirs = (world.folder / "theirs" / "fleet" / "authority.pem").read_text()
    return _text("authority", theirs, world, device)


def _two_authorities(world: World, device: AgentClient) -> Answer:
    theirs = (world.folder / "theirs" / "fleet" / "authority.pem").read_text()
    return _text("authority", _given(world)["authority"] + theirs, world, device)


def _other_key(world: World, device: AgentClient) -> Answer:
    own, _ = world.fleet.provide(Role.NODE, "pi-z")
    text = (own / "identity.pem").read_text()
    return _text("certificate", text, world, device)


def _other_name(world: World, device: AgentClient) -> Answer:
    """The device's own key, and a good certificate for it, by another name."""
    request = request_certificate(world.root / "identity", "pi-y")
    given = world.fleet.certify(request, Role.NODE, "pi-y")
    return _text("certificate", given.certificate.decode(), world, device)


# Links and other things planted in the root ------------------------------------------------------


def _links() -> Iterator[Case]:
    good = installs(bundle(NEW).listing)
    blob = f"blobs/{A[:2]}/{A}"
    refused = {
        "blobs": "not a folder",
        "generations": "not a folder",
        "environments": "have not been installed",
        "identity": "no identity|for device",
        f"blobs/{A[:2]}": "not a folder",
        "identity/device": "for device",
        "lock": "symbolic links",
    }
    for place, words in refused.items():
        yield Case(f"{place} is a link", good, words, partial(_link, place))
    works = [
        "current",
        "good",
        "highest",
        f"generations/{bundle(NEW).name}",
        blob,
        f"blobs/{A[:2]}/.{A}.draft",
    ]
    works += [f".{name}.{what}" for name in ("highest", "current") for what in ("draft", "kept")]
    works += [f"generations/.{sha256(bundle(NEW).listing)[:12]}.draft", "environments/" + "0" * 32]
    for place in works:
        yield Case(f"{place} is a link", good, "", partial(_link, place), may_work=True)
    old = f"generations/{bundle(OLD).name}"
    back = asks("rollback", name=bundle(OLD).name)
    for place in (old, f"{old}/chain", f"{old}/chain/a.tflite", f"{old}/bundle.json"):
        yield Case(
            f"rollback, {place} is a link", back, "damaged|no generation", partial(_moved, place)
        )
    yield Case("a folder has the name", good, "", _taken, may_work=True)


def _link(place: str, world: World) -> None:
    """A link to what is outside: a folder for a folder, else a file."""
    path = world.root / place
    is_file = (not path.is_dir() and "." in place) or place in FILES
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(world.outside / "precious" if is_file else world.outside)


def _moved(place: str, world: World) -> None:
    """The thing itself is outside now, and a link in its place."""
    path = world.root / place
    path.rename(world.outside / "moved")
    path.symlink_to(world.outside / "moved")


def _taken(world: World) -> None:
    path = world.root / "generations" / bundle(NEW).name
    (path / "something").mkdir(parents=True)
