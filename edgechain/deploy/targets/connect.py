"""From an address to an open session with the device's agent."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from edgechain.deploy.targets.address import CardAddress, DirectoryAddress, Target
from edgechain.deploy.targets.agent_session import AgentSession
from edgechain.deploy.targets.bootstrap import Agent
from edgechain.deploy.targets.directory import directory_session
from edgechain.errors import CannotReach


def connect(address: Target, agent: Agent) -> AbstractAsyncContextManager[AgentSession]:
    """A session, ended with its context. Raises ``CannotReach``, for an SD card always."""
    if isinstance(address, CardAddress):
        raise CannotReach(f"{address}: nothing runs on an SD card; --to says where the board is")
    if isinstance(address, DirectoryAddress):
        return directory_session(address, agent)
    from edgechain.deploy.targets.ssh import ssh_session  # noqa: PLC0415 - an optional package

    return ssh_session(address, agent)
