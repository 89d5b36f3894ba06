"""Devices as an Ansible inventory with a playbook and a role. Pure.

The role lays a device's files out as `edgechain flash` does: a folder for every generation, the
identity beside them, ``current`` the link to the one that runs, and the same systemd unit. Keys are
copied from where they are on the machine that plays; no file here has one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgechain.deploy.device.needs import Needs
from edgechain.deploy.device.place import CONFIG, CURRENT, ENVIRONMENT
from edgechain.deploy.device.unit import USER, Unit
from edgechain.deploy.exports.devices import Exported, Files, digest
from edgechain.errors import InvalidDocument
from edgechain.runtime.chain_files import load_manifest
from edgechain.spec.config import NodeConfig
from edgechain.spec.device_file import resolved
from edgechain.spec.flashing import FlashConfig
from edgechain.spec.plain_yaml import render_plain

ROOT = Path("/opt/edgechain")
ROLE = "roles/edgechain"

_TEMPLATE_SIGNS = ("{{", "{%", "{#")
"""What Ansible would take for a template in a path."""


def ansible(devices: Sequence[Exported], out: Path, version: str) -> Files:
    """The files, for a directory ``out`` that paths are relative to.

    ``version`` is ours, which is installed. Raises ``InvalidDocument`` for paths that Ansible
    would not take as they are.
    """
    hosts = {device.config.name: _host(device, out) for device in devices}
    play = {"name": "edgechain nodes", "hosts": "edgechain", "become": True, "roles": ["edgechain"]}
    defaults = {
        "edgechain_package": _package(devices, version),
        "edgechain_root": str(ROOT),
        "edgechain_service": "{{ ansible_facts.service_mgr == 'systemd' }}",
        "edgechain_user": USER,
    }
    files = {
        "inventory.yaml": render_plain({"all": {"children": {"edgechain": {"hosts": hosts}}}}),
        "playbook.yaml": render_plain([play]),
        f"{ROLE}/defaults/main.yml": render_plain(defaults),
        f"{ROLE}/tasks/main.yml": render_plain(_tasks()),
        f"{ROLE}/handlers/main.yml": render_plain([_restart()]),
        "README.md": _readme(devices),
    }
    for device in devices:
        folder = f"{ROLE}/files/{device.config.name}"
        files[f"{folder}/{CONFIG}"] = _config(device)
        files[f"{folder}/edgechain.service"] = Unit(ROOT, True, _needs(device.config)).text()
    return files


def _config(device: Exported) -> str:
    identity = None if device.identity is None else "../../identity"
    return resolved(device.config, chain="chain", next=None, next_stages=None, identity=identity)


def _needs(config: NodeConfig) -> Needs:
    groups = ("video",) if config.camera else ()
    if config.memory_max_mb is None:
        return Needs(groups)
    return Needs(groups, f"{config.memory_max_mb * 0.9:.0f}M", f"{config.memory_max_mb:.0f}M")


def _package(devices: Sequence[Exported], version: str) -> str:
    extra = "[dns]" if any(device.config.discovery == "dns" for device in devices) else ""
    return f"edgechain{extra}=={version}"


# The inventory -----------------------------------------------------------------------------------


def _host(device: Exported, out: Path) -> dict[str, Any]:
    generation = load_manifest(device.directory).generation
    host = _address(device.config) | {
        "edgechain_generation": f"ansible-{digest(_config(device), generation)}",
        "edgechain_chain": _from(out, device.directory),
    }
    if device.identity is not None:
        host["edgechain_identity"] = _from(out, device.identity)
    return host


def _address(config: NodeConfig) -> dict[str, Any]:
    """Where it is reached: as `edgechain flash` would, else by mDNS under its host name."""
    found = _ssh(config.flash)
    return found or {"ansible_host": f"{config.hostname or config.name}.local"}


def _ssh(flash: FlashConfig | None) -> dict[str, Any]:
    if flash is None or not flash.target.startswith("ssh://"):
        return {}
    place = flash.target.removeprefix("ssh://").partition("/")[0]
    user, _, address = place.rpartition("@")
    host, port = address, ""
    if not address.endswith("]") and ":" in address:
        host, _, port = address.rpartition(":")
    found: dict[str, Any] = {"ansible_host": host.removeprefix("[").removesuffix("]")}
    if user:
        found["ansible_user"] = user
    if port:
        found["ansible_port"] = int(port)
    return found


def _from(out: Path, path: Path) -> str:
    """A path as the playbook names it."""
    relative = os.path.relpath(path, out)
    if not relative.isprintable() or any(sign in relative for sign in _TEMPLATE_SIGNS):
        raise InvalidDocument("has a name that Ansible takes for a template", file=str(path))
    return "{{ playbook_dir }}/" + relative


# The role ----------------------------------------------------------------------------------------

_GENERATION = "{{ edgechain_root }}/generations/{{ edgechain_generation }}"
_ENVIRONMENT = "{{ edgechain_root }}/environments/ansible"
_WITH_SERVICE = "edgechain_service | bool"


def _tasks() -> list[dict[str, Any]]:
    """In an order in which a device runs the old generation whole, or the new one."""
    return [
        _task(
            "The user that nodes run as",
            "user",
            {
                "name": "{{ edgechain_user }}",
                "system": True,
                "create_home": False,
                "home": "/",
                "shell": "/usr/sbin/nologin",
            },
            tags=["user"],
        ),
        _task(
            "Folders",
            "file",
            {"path": "{{ item }}", "state": "directory", "mode": "0755"},
            loop=["{{ edgechain_root }}/environments", _GENERATION],
            tags=["files"],
        ),
        _task(
            "The environment",
            "pip",
            {
                "name": "{{ edgechain_package }}",
                "virtualenv": _ENVIRONMENT,
                "virtualenv_command": "python3 -m venv",
            },
            notify="Restart edgechain",
            tags=["environment"],
        ),
        *_files(),
        _task(
            "The unit",
            "copy",
            {
                "src": "{{ inventory_hostname }}/edgechain.service",
                "dest": "/etc/systemd/system/edgechain.service",
                "mode": "0644",
            },
            notify="Restart edgechain",
            tags=["service"],
        ),
        _task(
            "The service",
            "systemd_service",
            {"name": "edgechain", "enabled": True, "state": "started", "daemon_reload": True},
            when=_WITH_SERVICE,
            tags=["service"],
        ),
    ]


def _files() -> list[dict[str, Any]]:
    kept = {"mode": "0644", "directory_mode": "0755"}
    secret = {"owner": "{{ edgechain_user }}", "mode": "0600", "directory_mode": "0700"}
    return [
        _task(
            "The chain",
            "copy",
            {"src": "{{ edgechain_chain }}/", "dest": f"{_GENERATION}/chain/"} | kept,
            tags=["files"],
        ),
        _task(
            "The configuration",
            "copy",
            {
                "src": f"{{{{ inventory_hostname }}}}/{CONFIG}",
                "dest": f"{_GENERATION}/{CONFIG}",
                "mode": "0644",
            },
            tags=["files"],
        ),
        _task(
            "The environment of this generation",
            "file",
            _link(_ENVIRONMENT, f"{_GENERATION}/{ENVIRONMENT}"),
            tags=["files"],
        ),
        _task(
            "The identity",
            "copy",
            {"src": "{{ edgechain_identity }}/", "dest": "{{ edgechain_root }}/identity/"} | secret,
            when="edgechain_identity is defined",
            no_log=True,
            notify="Restart edgechain",
            tags=["files"],
        ),
        _task(
            "The switch",
            "file",
            _link(_GENERATION, f"{{{{ edgechain_root }}}}/{CURRENT}"),
            notify="Restart edgechain",
            tags=["files"],
        ),
    ]


def _link(source: str, dest: str) -> dict[str, Any]:
    """Forced: what it leads to may be made later."""
    return {"src": source, "dest": dest, "state": "link", "force": True, "follow": False}


def _task(name: str, module: str, arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, f"ansible.builtin.{module}": arguments, **more}


def _restart() -> dict[str, Any]:
    arguments = {"name": "edgechain", "state": "restarted", "daemon_reload": True}
    return _task("Restart edgechain", "systemd_service", arguments, when=_WITH_SERVICE)


def _readme(devices: Sequence[Exported]) -> str:
    keys = any(device.identity is not None for device in devices)
    lines = [
        "# A fleet of edgechain nodes by Ansible",
        "",
        "    ansible-playbook -i inventory.yaml playbook.yaml",
        "",
        "installs `edgechain_package` (a version from the boards' package index, or a wheel's path",
        "there), copies chains and configurations, and starts the services. Chains are copied from",
        "where `edgechain_chain` in the inventory says.",
    ]
    if keys:
        lines += [
            "",
            "Keys are in none of these files: they are copied from `edgechain_identity`, the",
            "directories that `edgechain init` makes.",
        ]
    return "\n".join(lines) + "\n"
