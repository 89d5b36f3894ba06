"""What this machine's own firewall says of the ports that a node needs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgechain.deploy.doctor.findings import Finding, fine, warning

MDNS_PORT = 5353


@dataclass(frozen=True, slots=True)
class FirewallFacts:
    """The rules as ``nft list ruleset`` or ``iptables-save`` print them.

    ``tool`` is empty where there is no such program, or it may not read them.
    """

    tool: str
    rules: str
    ports: tuple[tuple[str, int], ...]
    """Protocol and number of the ports that others have to reach."""


def judge(facts: FirewallFacts) -> list[Finding]:
    """Only whether everything is refused that no rule names; what rules say is not carried out."""
    if not facts.tool:
        return []
    if not _refuses(facts):
        return [fine("firewall", facts.tool, "lets in what nobody forbids")]
    closed = [f"{port}/{kind}" for kind, port in facts.ports if not _is_named(port, facts.rules)]
    if not closed:
        return [fine("firewall", facts.tool, "refuses what no rule names, and names our ports")]
    what = f"it lets in only what a rule names, and none names {' or '.join(closed)}"
    advice = f"sudo ufw allow {closed[0]}, or the like for nftables"
    return [warning("firewall-rules", facts.tool, what, advice)]


def _refuses(facts: FirewallFacts) -> bool:
    if facts.tool == "nft":
        inputs = re.findall(r"chain [^{]*\{([^}]*hook input[^}]*)\}", facts.rules)
        return any(re.search(r"policy drop|^\s*(drop|reject)\b", c, re.MULTILINE) for c in inputs)
    return (
        re.search(r"^:INPUT DROP|^-A INPUT -j (DROP|REJECT)", facts.rules, re.MULTILINE) is not None
    )


def _is_named(port: int, rules: str) -> bool:
    named = re.findall(r"dports? ([^\n]*)", rules)
    return any(_holds(port, text) for text in named)


def _holds(port: int, text: str) -> bool:
    """Whether ``22``, ``{ 22, 5353 }`` or ``50000-51000`` at the beginning is about the port."""
    listed = re.match(r"\{?[\s\w,:-]*", text)
    for first, last in re.findall(r"(\d+)(?:[-:](\d+))?", listed[0] if listed else ""):
        if int(first) <= port <= int(last or first):
            return True
    return "mdns" in text.split() and port == MDNS_PORT
