"""A device's identity: its key stays, its authority is pinned, and only that one's bundles count.

With edgechain's real keys and signatures, in the processes where the agent asks for them.
"""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from edgechain.deploy.device.store import Store
from edgechain.security.identity import load_identity
from edgechain.spec.message import Role
from tests.deploy.agent_client import agent
from tests.deploy.bundles import DEVICE, whole
from tests.faults.hostile import NEW, World, bundle, send

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


def test_a_device_has_its_own_key_and_its_fleets_certificate(world: World) -> None:
    identity = load_identity(world.root / "identity")
    assert (identity.party.role, identity.party.name) == (Role.NODE, DEVICE)
    assert stat.S_IMODE((world.root / "identity").stat().st_mode) == 0o700
    trust = Store(world.root).trust
    assert (trust.is_certified, trust.device) == (True, DEVICE)
    assert not list((world.root / "identity").glob(".*"))


def test_a_certified_device_is_certified_again_for_the_same_key(world: World) -> None:
    key = (world.root / "identity" / "identity.key").read_bytes()
    with agent(world.root) as device:
        device.must("lock", who="a test")
        csr = device.must("identity", name=DEVICE, wheels=[])["csr"]
        given = world.fleet.certify(csr.encode(), Role.NODE, DEVICE)
        texts = (given.authority, given.certificate, given.revoked)
        names = ("authority", "certificate", "revoked")
        fields = dict(zip(names, (text.decode() for text in texts), strict=True))
        device.must("certify", b"", **fields)
    assert (world.root / "identity" / "identity.key").read_bytes() == key
    assert b"PRIVATE" not in csr.encode()
    load_identity(world.root / "identity")


def test_a_bundle_that_the_authority_signed_becomes_current(world: World) -> None:
    with agent(world.root) as device:
        answer = send(world, device, bundle(NEW).listing, None)
    assert answer == {"ok": True}
    assert whole(world.root) == bundle(NEW).name
    world.renew()


def test_a_device_without_an_identity_takes_no_bundle(world: World, tmp_path: Path) -> None:
    for name in ("authority.pem", "device"):
        (world.root / "identity" / name).unlink()
        with agent(world.root) as device:
            answer = send(world, device, bundle(NEW).listing, None)
        assert answer["kind"] == "invalid"
        assert "identity" in answer["error"] or "for device" in answer["error"]
    world.renew()
