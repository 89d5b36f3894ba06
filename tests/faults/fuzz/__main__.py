"""One fuzzing process: a target, a way of making inputs, and what came of it as one JSON line.

python -m tests.faults.fuzz TARGET WAY COUNT SEED [--planted NAME]

Whatever a target raises, whatever our code logs as an error and whatever a loop was not asked
about is a break. A process that says nothing has ended by itself, which is one too.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import logging
import os
import sys
import traceback
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

ATHERIS = "atheris"
SAMPLE = 500
"""Inputs between two looks at our memory."""

WARM = 1000
"""Inputs before those that count: they make caches, pools and the fuzzer's own tables."""


class Broken(Exception):
    """Our code said so in its log."""


class _Errors(logging.Handler):
    """Keeps the first error that is logged."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.first = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.first = self.first or self.format(record)


class Watch:
    """Feeds a target and notes how many inputs it had, what they did, and how memory grew."""

    def __init__(self, target: Any, count: int) -> None:
        self._target = target
        self._count = count
        self._errors = _Errors()
        self._warm = min(WARM, count)
        self._resident = self._most = resident_bytes()
        self.inputs = self.good = 0
        self.data = b""
        logging.getLogger().addHandler(self._errors)

    @property
    def wanted(self) -> int:
        """How many there have to be, warming up included."""
        return self._warm + self._count

    @property
    def is_done(self) -> bool:
        """Whether it had as many as were wanted."""
        return self.inputs >= self._count

    def feed(self, data: bytes) -> None:
        """One input. Raises what breaks."""
        self.data = data
        good = bool(self._target.feed(data))
        if self._errors.first:
            raise Broken(self._errors.first)
        if self._warm:
            self._warm -= 1
            self._resident = self._most = resident_bytes()
            return
        self.inputs += 1
        self.good += good
        if self.inputs % SAMPLE == 0:
            self._most = max(self._most, resident_bytes())

    def close(self) -> None:
        """End the target. Raises what is left."""
        self._target.close()
        gc.collect()
        self._most = max(self._most, resident_bytes())

    def say(self, error: BaseException | None) -> None:
        """One line of JSON."""
        found: dict[str, object] = {
            "inputs": self.inputs,
            "good": self.good,
            "grown": self._most - self._resident,
        }
        if error is not None:
            found["error"] = f"{type(error).__name__}: {error}"[:500]
            found["trace"] = "".join(traceback.format_exception(error))
            found["data"] = self.data.hex()
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


def resident_bytes() -> int:
    """What this process holds in memory."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def run_plainly(watch: Watch, way: Any, target: str, corpus: Any, options: Any) -> None:
    """Feed until the count is reached, or something breaks."""
    error: BaseException | None = None
    try:
        way(target, corpus, watch.feed, watch.wanted, options.seed)
        watch.close()
    except BaseException as broken:  # whatever it is, it is what we look for
        error = broken
    watch.say(error)


def run_atheris(watch: Watch, way: Any, target: str, corpus: Any, options: Any) -> NoReturn:
    """The same where libFuzzer owns the process: we end it ourselves."""

    def feed(data: bytes) -> None:
        try:
            watch.feed(bytes(data))
            if not watch.is_done:
                return
            watch.close()
        except BaseException as broken:
            watch.say(broken)
        else:
            watch.say(None)
        os._exit(0)

    def at_end() -> NoReturn:
        os._exit(1)

    way(target, corpus, feed, options.seed, at_end)
    raise SystemExit(1)


def main() -> None:
    """Run and say."""
    options = _parser().parse_args()
    warnings.simplefilter("ignore")
    with ExitStack() as stack:
        if options.way == ATHERIS:
            fuzzer = importlib.import_module(ATHERIS)
            stack.enter_context(fuzzer.instrument_imports(include=["edgechain"]))
        corpora, planted, targets, ways = (
            importlib.import_module(f"tests.faults.fuzz.{name}")
            for name in ("corpus", "planted", "targets", "ways")
        )
    corpus = corpora.CORPORA[options.target]()
    make = planted.PLANTED.get(options.planted) or targets.TARGETS[options.target]
    watch = Watch(make(), options.count)
    if options.way == ATHERIS:
        run_atheris(watch, ways.atheris, options.target, corpus, options)
    run_plainly(watch, ways.PLAIN_WAYS[options.way], options.target, corpus, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.fuzz", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("way")
    parser.add_argument("count", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("--planted", default="")
    return parser


if __name__ == "__main__":
    main()
