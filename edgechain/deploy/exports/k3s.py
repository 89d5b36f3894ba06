"""Devices as Kubernetes manifests, for k3s on the boards themselves. Pure.

A StatefulSet of one pod for every device, held on the machine of its name; a headless service for
every chain, of whose SRV records the nodes learn of each other; a ConfigMap with the configuration
that the node reads. The chain's directory is the board's own (``hostPath``): submodels are larger
than a ConfigMap may be. Keys are referred to by the name of a Secret, and copied by an init
container to where they belong to nobody but the node: Kubernetes shows files of a Secret to the
group, and a node refuses a key that others may read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgechain.deploy.exports.devices import Exported, Files, digest
from edgechain.errors import InvalidDocument
from edgechain.spec.config import NodeConfig
from edgechain.spec.device_file import resolved
from edgechain.spec.dns import DnsConfig
from edgechain.spec.plain_yaml import render_plain

PORT = 50551
PORT_NAME = "edgechain"
"""Of the service's port: what its SRV records begin with."""

USER = 10001
MAX_LABEL = 52
"""Characters of a StatefulSet's name: a pod's label adds eleven to it and may have 63."""

STOP_SECONDS = 30
"""A node drains for 5 s, says goodbye for 0.5 s, and gives its workers another 5 s."""

CHAIN, IDENTITY, SECRET, CONFIG = "/chain", "/run/identity", "/run/secret", "/etc/edgechain"
COPY = f"cp {SECRET}/* {IDENTITY}/ && chmod 600 {IDENTITY}/*"

IMAGE, NAMESPACE, CHAINS = "edgechain:latest", "default", "/var/lib/edgechain"

PYTHON_IMAGE = "python:3.13-slim"


@dataclass(frozen=True, slots=True)
class K3sOptions:
    """``namespace`` is Kubernetes' own; ``chains`` the folder of chain directories on boards."""

    image: str = IMAGE
    namespace: str = NAMESPACE
    chains: str = CHAINS


def k3s(devices: Sequence[Exported], options: K3sOptions, version: str) -> Files:
    """The files: one for each device, one with services, and how to apply them.

    ``version`` is ours, of which the image is to be. Raises ``InvalidDocument`` where two devices
    come to the same name in Kubernetes.
    """
    labels = _labels(devices)
    chains = dict.fromkeys(device.chain for device in devices)
    files = {"services.yaml": render_plain(*map(_service, chains))}
    for device in devices:
        label = labels[device.config.name]
        config = _config(device, options)
        documents = _config_map(label, config), _stateful_set(device, label, config, options)
        files[f"{label}.yaml"] = render_plain(*documents)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": options.namespace,
        "resources": list(files),
    }
    files["kustomization.yaml"] = render_plain(kustomization)
    files["Dockerfile"] = _dockerfile(version)
    files["README.md"] = _readme(devices, labels, options)
    return files


def dns_label(name: str, most: int = MAX_LABEL) -> str:
    """The nearest name that Kubernetes takes (RFC 1123: small letters, digits and dashes)."""
    return re.sub(r"[^a-z0-9-]+", "-", name.lower())[:most].strip("-")


def _labels(devices: Sequence[Exported]) -> dict[str, str]:
    found: dict[str, str] = {}
    for device in devices:
        name = device.config.name
        label = dns_label(name)
        other = next((one for one, taken in found.items() if taken == label), None)
        if other is not None:
            reason = f"{other} and {name} would both be called {label}; give one another name"
            raise InvalidDocument(reason, file="devices", key="name")
        found[name] = label
    return found


def _service_name(chain: str) -> str:
    return dns_label(f"edgechain-{chain}", 63)


def _service(chain: str) -> dict[str, Any]:
    selector = {"app.kubernetes.io/name": "edgechain", "app.kubernetes.io/part-of": chain}
    port = {"name": PORT_NAME, "port": PORT, "protocol": "TCP", "targetPort": PORT_NAME}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": _service_name(chain), "labels": selector},
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": selector,
            "ports": [port],
        },
    }


def _config(device: Exported, options: K3sOptions) -> str:
    """What the node reads. Others are found by DNS, whatever the device's file says of a LAN."""
    service = f"_{PORT_NAME}._tcp.{_service_name(device.chain)}.{options.namespace}.svc"
    return resolved(
        device.config,
        chain=CHAIN,
        chain_name=device.chain,
        next=None,
        next_stages=None,
        identity=None if device.identity is None else IDENTITY,
        host="0.0.0.0",  # noqa: S104 - a pod's own
        port=_port(device.config),
        discovery="dns",
        dns=DnsConfig(service=f"{service}.cluster.local"),
        interfaces=(),
        peers=(),
    )


def _port(config: NodeConfig) -> int:
    return config.port or PORT


def _config_map(label: str, config: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{label}-node"},
        "data": {"node.yaml": config},
    }


def _stateful_set(device: Exported, label: str, config: str, options: K3sOptions) -> dict[str, Any]:
    own = {"app.kubernetes.io/name": "edgechain", "app.kubernetes.io/instance": label}
    labels = own | {"app.kubernetes.io/part-of": device.chain}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": label, "labels": labels},
        "spec": {
            "serviceName": _service_name(device.chain),
            "replicas": 1,
            "selector": {"matchLabels": own},
            "template": {
                "metadata": {
                    "labels": labels,
                    "annotations": {"edgechain/config": digest(config)},
                },
                "spec": _pod(device, label, options),
            },
        },
    }


def _pod(device: Exported, label: str, options: K3sOptions) -> dict[str, Any]:
    directory = f"{options.chains.rstrip('/')}/{device.chain}"
    volumes: list[dict[str, Any]] = [
        {"name": "config", "configMap": {"name": f"{label}-node"}},
        {"name": "chain", "hostPath": {"path": directory, "type": "Directory"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    pod: dict[str, Any] = {
        "nodeSelector": {"kubernetes.io/hostname": device.config.hostname or device.config.name},
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": STOP_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(device, options)],
        "volumes": volumes,
    }
    if device.identity is not None:
        mounts = [_mount("secret", SECRET), _mount("identity", IDENTITY, write=True)]
        keys = _confined("identity", options.image, mounts) | {"command": ["sh", "-c", COPY]}
        pod["initContainers"] = [keys]
        secret = {"secretName": secret_name(label), "defaultMode": 0o400}
        volumes.append({"name": "secret", "secret": secret})
        volumes.append({"name": "identity", "emptyDir": {"medium": "Memory"}})
    return pod


def _container(device: Exported, options: K3sOptions) -> dict[str, Any]:
    config = device.config
    mounts = [_mount("config", CONFIG), _mount("chain", CHAIN), _mount("tmp", "/tmp", write=True)]  # noqa: S108
    if device.identity is not None:
        mounts.append(_mount("identity", IDENTITY))
    listens = {"tcpSocket": {"port": PORT_NAME}}
    container = _confined("node", options.image, mounts) | {
        "args": [f"{CONFIG}/node.yaml"],
        "ports": [{"name": PORT_NAME, "containerPort": _port(config), "protocol": "TCP"}],
        "startupProbe": listens | {"periodSeconds": 5, "failureThreshold": 60},
        "readinessProbe": listens | {"periodSeconds": 10},
        "livenessProbe": listens | {"periodSeconds": 30, "failureThreshold": 3},
    }
    if config.memory_max_mb is not None:
        container["resources"] = {"limits": {"memory": f"{config.memory_max_mb:.0f}M"}}
    return container


def _confined(name: str, image: str, mounts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "volumeMounts": mounts,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _mount(name: str, path: str, *, write: bool = False) -> dict[str, Any]:
    return {"name": name, "mountPath": path} | ({} if write else {"readOnly": True})


def secret_name(label: str) -> str:
    """The Secret with a device's identity; its content is in none of the files."""
    return f"{label}-identity"


def _dockerfile(version: str) -> str:
    return f"""\
# Build it in a checkout of edgechain {version}, for the boards' processor:
#   docker buildx build --platform linux/arm64 -t edgechain:latest -f Dockerfile CHECKOUT
FROM {PYTHON_IMAGE}
COPY . /src
RUN pip install --no-cache-dir '/src[dns]' && rm -rf /src
USER {USER}
ENTRYPOINT ["python", "-m", "edgechain.node"]
"""


def _readme(devices: Sequence[Exported], labels: dict[str, str], options: K3sOptions) -> str:
    secrets = [
        f"kubectl -n {options.namespace} create secret generic "
        f"{secret_name(labels[device.config.name])} --from-file=IDENTITIES/{device.config.name}"
        for device in devices
        if device.identity is not None
    ]
    chains = dict.fromkeys((device.config.name, device.chain) for device in devices)
    places = [f"{name}:{options.chains.rstrip('/')}/{chain}" for name, chain in chains]
    lines = [
        "# A fleet of edgechain nodes on k3s",
        "",
        "1. Build the image (`Dockerfile`) and bring it to the boards, or to a registry.",
        "2. Put the chain's directory, as `edgechain split` made it, on every board at:",
        *(f"   - `{place}`" for place in places),
        "3. Keys are in none of these files. `IDENTITIES` is a folder that `edgechain init` made:",
        *(f"   - `{line}`" for line in secrets),
        "4. `kubectl apply -k .`",
        "",
        "A revoked board: replace the Secrets, then `kubectl rollout restart statefulset`.",
    ]
    return "\n".join(lines) + "\n"
