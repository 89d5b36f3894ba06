"""Whether a node can listen where its config says."""

from __future__ import annotations

from dataclasses import dataclass

from edgechain.deploy.doctor.findings import Finding, fault, fine


@dataclass(frozen=True, slots=True)
class PortFacts:
    """What the system says to listening on ``host:port``.

    ``problem`` is empty, ``taken``, ``address`` (none of this machine's) or ``forbidden``.
    ``holder`` is who has it, where that can be known (``python3 -m http.server (pid 77)``), and
    ``node`` the name that a node of ours says there.
    """

    host: str
    port: int
    name: str
    problem: str = ""
    holder: str = ""
    node: str = ""
    is_installed: bool = False
    """Whether the node was flashed here, and so should run."""


def judge(facts: PortFacts) -> list[Finding]:
    """One finding; a node of this very name that runs already is fine."""
    where = f"{facts.host}:{facts.port}"
    if facts.problem == "taken":
        return [_taken(facts, where)]
    if facts.problem == "address":
        what = f"this machine has no address {facts.host}"
        advice = "leave `host` out (all addresses), or give one that `ip address` shows"
        return [fault("port-address", where, what, advice)]
    if facts.problem == "forbidden":
        what = "only root may listen there"
        return [fault("port-forbidden", where, what, "take a `port` above 1023")]
    if facts.port == 0:
        return [fine("port", where, "any free port will do")]
    if facts.is_installed:
        what = f"node {facts.name} is installed here, and nobody listens: it does not run"
        return [fault("port-unused", where, what, "edgechain logs says why; then edgechain flash")]
    return [fine("port", where, "free")]


def _taken(facts: PortFacts, where: str) -> Finding:
    by = facts.holder or "a process that only root may see"
    if facts.node == facts.name:
        return fine("port", where, f"the node itself runs there: {by}")
    if facts.node:
        what = f"node {facts.node} listens there already: {by}"
        return fault("port-taken", where, what, "one node for a port: another `port`, or end that")
    advice = "end it, or give the node another `port`"
    return fault("port-taken", where, f"it is taken by {by}", advice)
