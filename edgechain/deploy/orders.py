"""From the files that people name to the devices that are meant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgechain.deploy.configs import own_keys, project_of, public_keys, read_device
from edgechain.deploy.prepared import Order
from edgechain.deploy.targets.address import CardAddress, DirectoryAddress, Target, address_of
from edgechain.errors import FlashFailed, InvalidIdentity
from edgechain.security.fleet import FleetDirectory
from edgechain.spec.device_file import DeviceFile


def read_orders(files: Sequence[Path], to: Target | None) -> list[Order]:
    """One order for each device's file; ``to`` comes before what a file says.

    Raises ``InvalidDocument`` for a file that does not hold or says no target, ``FlashFailed`` for
    two that are one device.
    """
    orders = [_order(file, to) for file in files]
    for at, order in enumerate(orders):
        for other in orders[:at]:
            if other.name == order.name or other.target == order.target:
                what = f"{order.file} and {other.file} are for the same device"
                raise FlashFailed(f"{what} ({order.name}, {order.target}); flash one of them")
    return orders


def _order(file: Path, to: Target | None) -> Order:
    device = read_device(file)
    if to is not None:
        return Order(device.config, file, to, _keys(device, to))
    if device.config.flash is None:
        reason = "is missing: say where the device is, `flash: {target: ssh://pi@HOST}`, or --to"
        raise device.complaint(reason, "flash")
    target = address_of(device.config.flash)
    if isinstance(target, DirectoryAddress | CardAddress) and not target.path.is_absolute():
        target = type(target)(file.parent / target.path)
    return Order(device.config, file, target, _keys(device, target))


def _keys(device: DeviceFile, target: Target) -> tuple[str, ...]:
    """Who may log in on a board that starts from its card: whom its file names, else we."""
    if not isinstance(target, CardAddress):
        return ()
    keys = public_keys(device) or own_keys(Path.home() / ".ssh")
    if not keys:
        reason = "name a file with your public SSH key, or make one with ssh-keygen"
        raise device.complaint(f"nobody could log in: {reason}", "ssh_keys")
    return keys


def fleet_of(files: Sequence[Path]) -> FleetDirectory:
    """The fleet that these devices belong to. Raises ``InvalidIdentity``."""
    projects = {project_of(file) for file in files}
    if len(projects) > 1:
        named = ", ".join(str(one) for one in projects)
        raise InvalidIdentity(f"these files belong to several projects ({named}); flash one's")
    (project,) = projects
    if project is None:
        reason = "is in no project; `edgechain init DIR` makes one, with the fleet's keys"
        raise InvalidIdentity(f"{files[0]} {reason}")
    return FleetDirectory(project)
