"""The whole model in a plain loop, and a chain's submodels one after the other, no network.

python -m tests.benchmarks.chain_side.direct THREADS MODEL CHAIN_DIRECTORY...

Commands: ``whole``, and ``parts`` of the chain with so many ``stages``; both answer with seconds.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import uvloop

from edgechain.runtime.chain_files import load_manifest, read_stage_file
from edgechain.runtime.interpreter import Interpreter, open_interpreter
from edgechain.spec.chain import ChainManifest
from tests.benchmarks.chain_side.sample import Array, fingerprint, sample
from tests.benchmarks.child import Answer, obey


class Parts:
    """The submodels of one chain."""

    def __init__(self, directory: Path, threads: int):
        self.manifest: ChainManifest = load_manifest(directory)
        self._stages: list[tuple[tuple[str, ...], tuple[str, ...], Interpreter]] = [
            (
                stage.inputs,
                stage.outputs,
                open_interpreter(read_stage_file(directory, stage), threads=threads),
            )
            for stage in self.manifest.stages
        ]

    def run(self, values: dict[str, Array]) -> list[float]:
        """Run every stage in the manifest's order; seconds of each."""
        seconds = []
        for inputs, outputs, interpreter in self._stages:
            start = time.perf_counter()
            made = interpreter.run([values[name] for name in inputs])
            seconds.append(time.perf_counter() - start)
            values.update(zip(outputs, made, strict=True))
        return seconds


class Direct:
    """The whole model and its parts, loaded in this process."""

    def __init__(self, threads: int, model: Path, directories: list[Path]):
        every = [Parts(directory, threads) for directory in directories]
        self._parts = {len(parts.manifest.stages): parts for parts in every}
        self._inputs = sample(every[0].manifest)
        self._whole = open_interpreter(model.read_bytes(), threads=threads)

    def whole(self) -> list[Array]:
        """Run the model as it is; the outputs are copies."""
        return self._whole.run(list(self._inputs.values()))

    async def handle(self, command: Answer) -> Answer:
        """One command."""
        times = range(command["count"])
        if command["what"] == "parts":
            parts = self._parts[command["stages"]]
            return {"stages": [parts.run(dict(self._inputs)) for _ in times]}
        return {"seconds": [self._timed() for _ in times]}

    def _timed(self) -> float:
        start = time.perf_counter()
        self.whole()
        return time.perf_counter() - start


def main() -> None:
    """Load, warm up, say what comes out, then measure on command."""
    threads, model, *directories = sys.argv[1:]
    direct = Direct(int(threads), Path(model), list(map(Path, directories)))
    uvloop.run(obey({"fingerprint": fingerprint(direct.whole())}, direct.handle))


if __name__ == "__main__":
    main()
