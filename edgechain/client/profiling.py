"""Have a running node measure a model: find it, send the model, believe nothing unchecked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pydantic import ValidationError

from edgechain.client.credentials import StrPath, client_security
from edgechain.client.survey import survey
from edgechain.discovery.local import running_chains
from edgechain.errors import ProtocolError, UnknownNode
from edgechain.spec.config import is_address
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.profile import DeviceProfile
from edgechain.spec.profiling import Finished, ProfileOrder, Working
from edgechain.spec.progress import Progress
from edgechain.transport.profile_call import ProfileAsker

LISTEN_SECONDS = 2.0
"""As `edgechain status` listens (RFC 6762, section 6)."""

PLAIN = r"[a-z ]{1,40}"
"""What is said of progress; a terminal is shown nothing else."""


@dataclass(frozen=True, slots=True)
class NodeAt:
    """Where a node is and who asks it; ``name`` is who must answer there, anyone if empty."""

    address: str
    security: LinkSecurity | None = field(repr=False)
    name: str = ""


async def find_node(
    wanted: str, namespace: str, identity: StrPath | None = None, *, insecure: bool = False
) -> NodeAt:
    """The node of this name, as ``survey`` finds it, or at this ``host:port``.

    Raises ``UnknownNode``, and ``InvalidIdentity`` as ``survey`` does.
    """
    if is_address(wanted):
        local = next((chain for chain in running_chains() if wanted in chain.addresses), None)
        return NodeAt(wanted, client_security(identity, insecure, local))
    heard = await survey(namespace, LISTEN_SECONDS, identity, insecure=insecure)
    named = [sighting for sighting in heard if sighting.name == wanted]
    for sighting in named:
        if sighting.status is not None:
            return NodeAt(sighting.address, sighting.security, wanted)
    if named:
        raise UnknownNode(f"{wanted} at {named[0].address}: {named[0].reason}")
    names = ", ".join(sighting.name for sighting in heard)
    others = f"; there are {names}" if names else ", nor any other"
    raise UnknownNode(f"no node called {wanted!r} answers in namespace {namespace!r}{others}")


async def profile_on(
    node: NodeAt, order: ProfileOrder, content: bytes, progress: Progress
) -> DeviceProfile:
    """A model's profile, measured on a node. Raises as ``ProfileAsker.order`` does."""

    def tell(working: Working) -> None:
        what = working.what if re.fullmatch(PLAIN, working.what) else "measuring"
        progress(what, working.done, working.total)

    asker = ProfileAsker(node.address, node.security, node.name)
    name, finished = await asker.order(order, content, tell)
    return _checked(finished, order, order.device or name)


def _checked(finished: Finished, order: ProfileOrder, device: str) -> DeviceProfile:
    """What came back, if it is a profile of this model on this device."""
    try:
        found = DeviceProfile.model_validate_json(finished.profile)
    except ValidationError as error:
        raise ProtocolError(f"{device}: what came back is no profile") from error
    asked = (device, order.model, order.sha256)
    if (found.device, found.model.file, found.model.sha256) != asked:
        raise ProtocolError(f"{device}: the profile that came back is of something else")
    if not (found.interpreter + found.scaled_from).isprintable():
        raise ProtocolError(f"{device}: the profile that came back holds control codes")
    return found
