"""A real model as a chain of one stage, and the answers it must give to the bit."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgechain.runtime.chain_files import load_manifest
from edgechain.runtime.interpreter import open_interpreter
from tests.benchmarks.running import cut
from tests.benchmarks.settings import MODELS
from tests.faults.hash_chain import Answer, HashChain, Run
from tests.faults.ledger import Ledger
from tests.faults.load import NEVER_SECONDS, Asker, now
from tests.faults.suite import Skipped

Array = NDArray[Any]

QUESTIONS = 8
"""Inputs that differ; they are asked again and again."""


class ModelChain(HashChain):
    """What the tools for hashing chains need of a chain whose one stage is a model."""

    def question(self, number: int) -> Array:
        """A random picture."""
        spec = next(edge.tensor for edge in self.manifest.edges if edge.source is None)
        dice = np.random.default_rng(number % QUESTIONS)
        return dice.integers(0, 256, spec.shape).astype(spec.dtype)


def cut_whole(model: str, directory: Path) -> ModelChain:
    """Make a chain directory of a model, uncut."""
    if not (MODELS / model).is_file():
        raise Skipped(f"no {model} beside the repository")
    manifest = load_manifest(cut(model, 1, directory))
    ways = {manifest.stages[0].name: ("x", "y")}
    return ModelChain(manifest, ways, "", 0, "")


class ModelAsker(Asker):
    """Asks a model; an answer is right when it is what an interpreter here gives, to the bit."""

    def __init__(self, client: Any, made: ModelChain, deadline: float):
        content = (MODELS / made.manifest.model.file).read_bytes() if made.manifest.model else b""
        with open_interpreter(content) as interpreter:
            right = [_digest(interpreter.run([made.question(n)])[0]) for n in range(QUESTIONS)]
        super().__init__(client, made, Ledger(lambda number: right[number % QUESTIONS]), deadline)
        self._counted = itertools.count()
        self._output = made.manifest.outputs[0].name

    async def ask(self) -> None:
        """One request from its submission to its end, in the books."""
        number = self.ledger.submit(now(), self._deadline)
        try:
            async with asyncio.timeout(self._deadline + NEVER_SECONDS):
                asked = self._made.question(number)
                result = await self._chain.infer(asked, deadline=self._deadline)
        except TimeoutError:
            return
        except Exception as error:
            self.ledger.failed(number, now(), error)
        else:
            only = Run(0, next(self._counted), now())
            answer = Answer(_digest(result[self._output]), number, (only,))
            self.ledger.answered(number, now(), answer)


def _digest(value: Array) -> bytes:
    return hashlib.sha256(value.tobytes()).digest()
