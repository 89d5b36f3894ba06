"""The node as a service of systemd: the machine's, or a user's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgechain.deploy.device import account, place
from edgechain.deploy.device.health import Health
from edgechain.deploy.device.needs import Needs
from edgechain.deploy.device.unit import STOP_SECONDS, Unit

COMMAND_SECONDS = 30.0
"""For what systemd answers at once."""

LINGER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Manager:
    """A systemd: where its units lie, and how it is spoken to."""

    kind: str
    units: Path
    options: tuple[str, ...]

    @property
    def is_system(self) -> bool:
        """Whether it is PID 1."""
        return not self.options

    def systemctl(
        self, *words: str, seconds: float = COMMAND_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run a command. Raises ``subprocess.TimeoutExpired``, ``OSError``."""
        return _run(("systemctl", *self.options, *words), seconds)


USER_KIND = "user"
SYSTEM = Manager("systemd", Path("/etc/systemd/system"), ())


def user_manager() -> Manager:
    """That of the user we are."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Manager(USER_KIND, Path(home) / "systemd" / "user", ("--user",))


class SystemdService:
    """One unit for one root; it is written anew whenever it would read otherwise."""

    def __init__(self, root: Path, manager: Manager):
        self._root = root
        self._manager = manager
        self.kind = manager.kind

    @property
    def _name(self) -> str:
        return Unit(self._root, self._manager.is_system).name

    def start(self, generation: Path, seconds: float) -> Health:
        """See ``Service.start``."""
        try:
            self.stop()
            if not place.is_current(self._root, generation):
                return Health(False, f"{generation.name} is not current; switch to it first")
            self._install(Needs.of(generation))
            if self._manager.is_system:
                account.hand_over(account.ensure(), generation, self._root / "identity")
            return self._restart(seconds)
        except subprocess.TimeoutExpired as error:
            return Health(False, f"{' '.join(error.cmd)}: no answer for {error.timeout:.0f} s")
        except (OSError, ValueError) as error:
            return Health(False, " ".join(str(error).split()))

    def _install(self, needs: Needs) -> None:
        """Let systemd know the unit, and start it at every boot."""
        unit = Unit(self._root, self._manager.is_system, needs)
        path = self._manager.units / unit.name
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, unit.text())
        for words in (("daemon-reload",), ("enable", unit.name)):
            done = self._manager.systemctl(*words)
            if done.returncode != 0:
                raise OSError(f"systemctl {' '.join(words)}: {_last_line(done.stderr)}")
        if not self._manager.is_system:
            self._linger()

    def _linger(self) -> None:
        """Let the user's services run without a login; where that is forbidden they do not."""
        _run(("loginctl", "enable-linger"), LINGER_SECONDS)

    def _restart(self, seconds: float) -> Health:
        self._manager.systemctl("reset-failed", self._name)
        try:
            done = self._manager.systemctl("restart", self._name, seconds=seconds)
        except subprocess.TimeoutExpired:
            said = self._property("StatusText")
            self.stop()
            said = f"; it said last: {said}" if said else ""
            return Health(False, f"the node was not ready after {seconds:.0f} s{said}")
        said = self._property("StatusText")
        if done.returncode == 0:
            return Health(True, said)
        result = self._property("Result")
        self.stop()
        return Health(False, said or f"the node ended ({result}): {self._last_word()}")

    def reload(self, generation: Path) -> Health:
        """See ``Service.reload``."""
        try:
            if self._manager.is_system:
                account.hand_over(account.ensure(), generation)
            done = self._manager.systemctl("reload", self._name)
        except subprocess.TimeoutExpired as error:
            return Health(False, f"{' '.join(error.cmd)}: no answer for {error.timeout:.0f} s")
        except OSError as error:
            return Health(False, " ".join(str(error).split()))
        if done.returncode == 0:
            return Health(True, self._property("StatusText"))
        return Health(False, f"systemctl reload {self._name}: {_last_line(done.stderr)}")

    def _last_word(self) -> str:
        """The end of the journal, which may come there after the unit has ended."""
        with suppress(subprocess.TimeoutExpired):
            _run(("journalctl", "--sync"), COMMAND_SECONDS)
        return (self.journal(1) or ["it said nothing"])[0]

    def _property(self, name: str) -> str:
        return self._manager.systemctl("show", "--value", "-p", name, self._name).stdout.strip()

    def stop(self) -> None:
        """See ``Service.stop``."""
        self._manager.systemctl("stop", self._name, seconds=STOP_SECONDS + COMMAND_SECONDS)

    def journal(self, lines: int) -> list[str]:
        """See ``Service.journal``."""
        return _run(self._journalctl(lines), COMMAND_SECONDS).stdout.splitlines()

    def follow(self, lines: int) -> Iterator[str]:
        """See ``Service.follow``."""
        with subprocess.Popen(
            (*self._journalctl(lines), "--follow"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as journal:
            try:
                for line in journal.stdout or ():
                    yield line.decode(errors="replace").rstrip("\n")
            finally:
                journal.kill()

    def _journalctl(self, lines: int) -> tuple[str, ...]:
        unit = "--unit" if self._manager.is_system else "--user-unit"
        options = ("--quiet", "--no-pager", "--output=cat", f"--lines={lines}")
        return ("journalctl", *options, f"{unit}={self._name}")


def answers(manager: Manager) -> bool:
    """Whether there is such a systemd."""
    try:
        return manager.systemctl("show-environment").returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _run(command: tuple[str, ...], seconds: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )


def _write(path: Path, text: str) -> None:
    """Replace a file, whole or not at all; nothing happens where it reads so already."""
    if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
        return
    draft = path.with_name(f".{path.name}")
    with draft.open("w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]
