"""A device that is reached by SSH, with the user's own keys, agent and configuration.

Nothing is typed in and no password is used: a key, or an agent that has it. The host's key has to
be known. The only door to asyncssh.
"""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

try:
    import asyncssh
except ImportError as error:  # pragma: no cover - an optional package
    from edgechain.errors import MissingDependency

    raise MissingDependency("flashing needs asyncssh; pip install 'edgechain[fleet]'") from error

from edgechain.deploy.targets.address import SshAddress
from edgechain.deploy.targets.agent_session import AgentSession
from edgechain.deploy.targets.answers import clean
from edgechain.deploy.targets.bootstrap import Agent
from edgechain.deploy.targets.last_words import LastWords
from edgechain.deploy.targets.wire import Wire
from edgechain.errors import CannotReach

CONNECT_SECONDS = 20.0
"""To a board that has just been switched on and answers, with a slow name look-up before."""

ALIVE_EVERY_SECONDS = 5.0
ALIVE_MISSED = 4
"""A connection without an answer for 20 s is lost; the default is never."""

END_SECONDS = 5.0
SSH_PORT = 22


@asynccontextmanager
async def ssh_session(address: SshAddress, agent: Agent) -> AsyncIterator[AgentSession]:
    """A session with the agent on a device. Raises ``CannotReach``: why, and what to do."""
    connection = await _connect(address)
    try:
        command = shlex.join(agent.command("python3", address.root))
        async with _process(connection, address, command) as (process, words):
            wire = Wire(
                *(str(address), process.stdout, process.stdin, words.all),
                breaks=(OSError, EOFError, asyncssh.Error),
            )
            yield await agent.begin(wire)
    finally:
        connection.close()
        await _closed(connection)


async def ssh_output(address: SshAddress, words: Sequence[str], seconds: float) -> tuple[str, str]:
    """What a command on a device writes to standard output and standard error, to its end.

    Raises ``CannotReach``, also where it has not ended after ``seconds``.
    """
    connection = await _connect(address)
    try:
        async with asyncio.timeout(seconds):
            done = await connection.run(shlex.join(words), errors="replace", stdin=asyncssh.DEVNULL)
            return str(done.stdout), str(done.stderr)
    except TimeoutError as error:
        raise CannotReach(f"{address}: nothing was said for {seconds:.0f} s") from error
    except (OSError, asyncssh.Error) as error:
        raise CannotReach(f"{address}: no command can be run there: {_said(error)}") from error
    finally:
        connection.close()
        await _closed(connection)


@asynccontextmanager
async def _process(
    connection: asyncssh.SSHClientConnection, address: SshAddress, command: str
) -> AsyncIterator[tuple[asyncssh.SSHClientProcess[bytes], LastWords]]:
    try:
        process = await connection.create_process(command, encoding=None)
    except (OSError, asyncssh.Error) as error:
        raise CannotReach(f"{address}: no command can be run there: {_said(error)}") from error
    words = LastWords(process.stderr)
    try:
        yield process, words
    finally:
        process.stdin.close()
        await words.close()
        process.close()


async def _connect(address: SshAddress) -> asyncssh.SSHClientConnection:
    seen = _Seen()
    try:
        options = await asyncio.to_thread(_options, address, seen.client)
        _require_checked(options, address)
        async with asyncio.timeout(CONNECT_SECONDS):
            config = await asyncio.to_thread(_config)
            return await asyncssh.connect(address.host, config=config, options=options)
    except asyncssh.HostKeyNotVerifiable as error:
        raise CannotReach(f"{address}: {_stranger(address, seen)}") from error
    except asyncssh.PermissionDenied as error:
        raise CannotReach(f"{address}: {_denied(address)}") from error
    except TimeoutError as error:
        reason = f"does not answer for {CONNECT_SECONDS:.0f} s; is it on, and is the name right?"
        raise CannotReach(f"{address}: {reason}") from error
    except (OSError, asyncssh.Error, ValueError) as error:
        raise CannotReach(f"{address}: cannot be reached: {_said(error)}") from error


def _options(
    address: SshAddress, client: Callable[[], asyncssh.SSHClient]
) -> asyncssh.SSHClientConnectionOptions:
    """The user's configuration, with our limits. Reads files; may take a while."""
    given: dict[str, Any] = {}
    if address.user is not None:
        given["username"] = address.user
    if address.port is not None:
        given["port"] = address.port
    return asyncssh.SSHClientConnectionOptions(
        host=address.host,
        config=_config(),
        client_factory=client,
        password_auth=False,
        kbdint_auth=False,
        connect_timeout=CONNECT_SECONDS,
        login_timeout=CONNECT_SECONDS,
        keepalive_interval=ALIVE_EVERY_SECONDS,
        keepalive_count_max=ALIVE_MISSED,
        **given,
    )


def _config() -> list[str]:
    """The user's configuration file, if there is one; asyncssh looks for it only now and then."""
    path = os.path.expanduser("~/.ssh/config")  # noqa: PTH111 - no look at the disk
    return [path] if os.access(path, os.R_OK) else []


def _require_checked(options: asyncssh.SSHClientConnectionOptions, address: SshAddress) -> None:
    """A configuration may say that no host's key is looked at; then nobody knows who answers."""
    if options.known_hosts is None:
        reason = "your SSH configuration has `UserKnownHostsFile none`, and host keys are checked"
        raise CannotReach(f"{address}: {reason}; name a file there")


class _Seen:
    """The host key that was shown, for the words about it."""

    def __init__(self) -> None:
        self.fingerprint = ""

    def client(self) -> asyncssh.SSHClient:
        """What asyncssh asks about a host key that is in no file of known ones."""
        seen = self

        class Client(asyncssh.SSHClient):
            def validate_host_public_key(
                self, host: str, addr: str, port: int, key: asyncssh.SSHKey
            ) -> bool:
                del host, addr, port
                seen.fingerprint = f"{key.get_algorithm()} {key.get_fingerprint()}"
                return False

        return Client()


def _stranger(address: SshAddress, seen: _Seen) -> str:
    shown = f" ({seen.fingerprint})" if seen.fingerprint else ""
    return (
        f"its host key{shown} is not among your known hosts; log in once with "
        f"`ssh {_login(address)}` and compare the fingerprint with the board's. If it "
        f"had another key before, somebody else may be answering, or the board was set up anew"
    )


def _denied(address: SshAddress) -> str:
    return (
        f"none of your SSH keys is let in (passwords are not used); "
        f"`ssh-copy-id {_login(address)}` puts one there"
    )


def _login(address: SshAddress) -> str:
    """Where to, as the words of ``ssh`` and ``ssh-copy-id``."""
    port = f"-p {address.port} " if address.port not in (None, SSH_PORT) else ""
    user = f"{address.user}@" if address.user else ""
    return f"{port}{user}{address.host}"


def _said(error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    return clean(str(reason)) or type(error).__name__


async def _closed(connection: asyncssh.SSHClientConnection) -> None:
    """Wait until the other end knows; not for ever, it may be gone."""
    try:
        async with asyncio.timeout(END_SECONDS):
            await connection.wait_closed()
    except TimeoutError:
        connection.abort()
        await connection.wait_closed()
