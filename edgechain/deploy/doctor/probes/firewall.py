"""The rules of this machine's firewall, where a program is here that may read them."""

from __future__ import annotations

from edgechain.deploy.doctor.checks.firewall import MDNS_PORT, FirewallFacts
from edgechain.deploy.doctor.probes import programs

TOOLS = {"nft": ["list", "ruleset"], "iptables-save": []}
SECONDS = 5.0


async def look(port: int) -> FirewallFacts:
    """What the first tool that answers prints."""
    ports = (("udp", MDNS_PORT), ("tcp", port))
    for name, words in TOOLS.items():
        tool = await programs.find(name)
        if tool is not None and (rules := await _ask([tool, *words])) is not None:
            return FirewallFacts(name, rules, ports)
    return FirewallFacts("", "", ports)


async def _ask(words: list[str]) -> str | None:
    try:
        ended = await programs.run(words, SECONDS)
    except OSError:
        return None
    return ended.out if ended.status == 0 else None
