"""The zygote: a process that has imported what every worker needs, and forks them when asked.

A worker is there in milliseconds instead of the seconds that a small board needs to import numpy
and an interpreter, and shares that memory with its siblings. Forking is safe because this process
has one thread: it loads no model, and numpy's BLAS is told to start none (``ENVIRONMENT``).

    python -m edgechain.runtime.zygote SOCKET_FILENO INTERPRETER PARENT_PID
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys

import numpy as np

from edgechain.runtime import worker
from edgechain.runtime.interpreter import InterpreterKind, preload
from edgechain.runtime.kinship import die_with, leave_signals_to_the_daemon, name_process
from edgechain.runtime.zygote_wire import FORK, Descriptors, Event, Record


class Zygote:
    """Answers the daemon until it hangs up; ``serve`` returns in the zygote and in its children."""

    def __init__(self, control: socket.socket):
        self._control = control
        self._pid = os.getpid()
        self._woken, self._wakes = socket.socketpair()
        for end in (self._woken, self._wakes):
            end.setblocking(False)

    def serve(self) -> Descriptors | None:
        """What a worker was born with, in that worker; ``None`` in the zygote, when it is over."""
        signal.signal(signal.SIGCHLD, _wake)
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        self._tell(Record(Event.READY))
        while True:
            ready, _, _ = select.select([self._control, self._woken], [], [])
            if self._woken in ready:
                self._woken.recv(4096)
                self._reap()
            if self._control in ready:
                asked, received, _, _ = socket.recv_fds(self._control, len(FORK), 3)
                if not asked:
                    return None
                if born := self._fork(Descriptors(*received)):
                    return born

    def _fork(self, descriptors: Descriptors) -> Descriptors | None:
        try:
            pid = os.fork()
        except OSError as error:
            self._tell(Record(Event.FAILED, value=error.errno or 0))
            pid = -1
        if pid == 0:
            self._leave_home()
            return descriptors
        for fileno in descriptors:
            os.close(fileno)
        if pid > 0:
            self._tell(Record(Event.BEGAN, pid))
        return None

    def _leave_home(self) -> None:
        """What a worker does not share with its zygote."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (self._control, self._woken, self._wakes):
            end.close()
        die_with(self._pid)
        if "numpy.random" in sys.modules:
            np.random.seed()  # else all workers draw the same numbers

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self._tell(Record(Event.ENDED, pid, os.waitstatus_to_exitcode(status)))

    def _tell(self, record: Record) -> None:
        self._control.sendall(record.pack())


def _wake(number: int, frame: object) -> None:
    """Nothing: that it is called lets Python write to the wake-up descriptor."""


def main() -> None:
    """Entry point of the zygote's process, and by way of a fork of every worker."""
    leave_signals_to_the_daemon()
    die_with(int(sys.argv[3]))
    name_process("zygote")
    preload(InterpreterKind(sys.argv[2]))
    gc.collect()
    gc.freeze()  # a collection in a worker would copy every page shared with it
    zygote = Zygote(socket.socket(fileno=int(sys.argv[1])))
    try:
        born = zygote.serve()
    except (BrokenPipeError, ConnectionResetError):
        return  # the daemon is gone; so are we
    if born:
        worker.main(born)


if __name__ == "__main__":
    main()
