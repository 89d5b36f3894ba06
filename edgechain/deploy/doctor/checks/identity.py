"""Whether a node or client can prove who it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from edgechain.deploy.doctor.findings import Finding, fault, fine, warning
from edgechain.security.inspection import Inspection
from edgechain.spec.message import Role

SOON = timedelta(days=60)
RENEW = "edgechain init DIR {name} makes a new one where the fleet is; flash or copy it"


@dataclass(frozen=True, slots=True)
class IdentityFacts:
    """What an identity's directory holds, and whose it should be.

    ``found`` is None where none is named. ``name`` is empty for a client, which may have any.
    """

    where: str
    found: Inspection | None
    role: Role
    name: str
    now: datetime


def judge(facts: IdentityFacts) -> list[Finding]:
    """The first thing that keeps it from being believed."""
    found = facts.found
    if found is None or not found.exists:
        return [_missing(facts)]
    where = str(found.directory)
    if found.missing:
        what = f"it has no {', '.join(found.missing)}"
        return [fault("identity-broken", where, what, "copy the identity again, as a whole")]
    if found.open_mode is not None:
        what = f"others may read its key (mode {found.open_mode:03o}), and nobody uses it so"
        advice = f"chmod 600 {where}/identity.key; revoke it if somebody may have read it"
        return [fault("identity-open", where, what, advice)]
    if found.problem:
        return [
            fault("identity-broken", where, found.problem, "copy the identity again, as a whole")
        ]
    return _judge_certificate(facts, found, where)


def _missing(facts: IdentityFacts) -> Finding:
    if facts.found is None:
        advice = "edgechain init DIR NAME makes one; `insecure: true` does without, for trials"
        return fault("identity-missing", facts.where, "no identity is named", advice)
    what = f"{facts.found.directory} is no directory"
    advice = "copy there what `edgechain init` made; flash does that by itself"
    return fault("identity-missing", facts.where, what, advice)


def _judge_certificate(facts: IdentityFacts, found: Inspection, where: str) -> list[Finding]:
    party, begins, ends = found.party, found.begins, found.ends
    if party is None or begins is None or ends is None:  # an Inspection without problem has all
        raise ValueError("an inspection without a problem has a certificate")
    renew = RENEW.format(name=party.name)
    if not found.issued:
        what = f"the certificate of {party} is not from the authority beside it (authority.pem)"
        advice = "all of a fleet come from one `edgechain init DIR`: copy the identity as a whole"
        return [fault("certificate-authority", where, what, advice)]
    if found.revoked:
        what = f"the certificate of {party} was revoked: nobody of the fleet speaks with it"
        return [fault("certificate-revoked", where, what, renew)]
    if ends < facts.now:
        what = f"the certificate of {party} has expired on {ends.date()}"
        return [fault("certificate-expired", where, what, renew)]
    if begins > facts.now:
        what = f"the certificate of {party} begins on {begins:%Y-%m-%d %H:%M} UTC"
        return [fault("certificate-early", where, what, f"set the clock, or: {renew}")]
    if party.role is not facts.role or (facts.name and party.name != facts.name):
        wanted = f"{facts.role} {facts.name}".strip()
        what = f"it is that of {party}, and here it has to be that of {wanted}"
        advice = f"copy identities/{facts.name or 'CLIENT'}, which `edgechain init` made"
        return [fault("certificate-name", where, what, advice)]
    if ends < facts.now + SOON:
        what = f"the certificate of {party} is good until {ends.date()} only"
        return [warning("certificate-ending", where, what, renew)]
    return [fine("identity", where, f"{party}, good until {ends.date()}")]
