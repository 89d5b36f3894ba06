"""Whether the TFLite interpreter runs, with its delegate, and knows the chain's operators."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from edgechain.deploy.doctor.findings import Finding, fault, fine, warning

PACKAGES = {"litert": "ai-edge-litert", "tflite": "tflite-runtime"}


@dataclass(frozen=True, slots=True)
class InterpreterFacts:
    """What a process of its own could do with an interpreter.

    ``kind`` is empty where none is installed. ``ended`` says how the process ended before it was
    through (``was killed by signal 11``), ``reached`` what it had done by then.
    """

    wanted: str
    kind: str = ""
    version: str = ""
    numpy: str = ""
    reached: str = ""
    ended: str = ""
    problem: str = ""
    delegates: int = 0
    stages: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Of every stage that was tried: why it cannot be run, or nothing."""


def judge(facts: InterpreterFacts) -> list[Finding]:
    """Whether it runs at all, fast, and with these models."""
    if not facts.kind:
        return [_missing(facts)]
    where = f"{PACKAGES.get(facts.kind, facts.kind)} {facts.version}".strip()
    if facts.ended or facts.problem:
        return [_broken(facts, where)]
    findings = [_judge_stage(stage, said) for stage, said in facts.stages.items() if said]
    if not facts.delegates:
        what = "it runs without XNNPACK, several times slower than it could"
        advice = f"install {PACKAGES.get(facts.kind, facts.kind)} from its own wheel"
        findings.append(warning("interpreter-delegate", where, what, advice))
    if findings:
        return findings
    tried = f", {len(facts.stages)} models tried" if facts.stages else ""
    return [fine("interpreter", where, f"runs with XNNPACK and numpy {facts.numpy}{tried}")]


def _missing(facts: InterpreterFacts) -> Finding:
    package = PACKAGES.get(facts.wanted, "ai-edge-litert (or tflite-runtime)")
    what = f"{package} is not installed here"
    advice = "pip install ai-edge-litert; on 32 bits tflite-runtime 2.14 with Python 3.11"
    if facts.wanted == "tflite":
        advice = "pip install tflite-runtime==2.14.0 'numpy<2', which takes Python 3.11"
    return fault("interpreter-missing", f"interpreter: {facts.wanted}", what, advice)


def _broken(facts: InterpreterFacts, where: str) -> Finding:
    how = facts.ended or facts.problem
    if facts.kind == "tflite" and facts.numpy and facts.numpy.split(".")[0] not in ("0", "1"):
        what = f"it was built for numpy 1 and meets numpy {facts.numpy}: its process {how}"
        return fault("interpreter-numpy", where, what, "pip install 'numpy<2'")
    done = f" after it had {facts.reached}" if facts.reached else ""
    what = f"a model of one operator does not run: it {how}{done}"
    advice = f"install {PACKAGES.get(facts.kind, facts.kind)} again, for this board and Python"
    return fault("interpreter-broken", where, what, advice)


def _judge_stage(stage: str, said: str) -> Finding:
    where = f"stage {stage}"
    custom = re.search(r"unresolved custom op: ([\w:./-]*\w)", said)
    builtin = re.search(r"op for builtin opcode '(\w+)' version '(\d+)'", said)
    if custom:
        what = f"its model needs the custom operator {custom[1]}, which this interpreter has not"
        advice = "convert the model without it, or cut it out into a Python actor's stage"
        return fault("model-operator", where, what, advice)
    if builtin:
        what = f"its model needs {builtin[1]} in version {builtin[2]}; this interpreter is too old"
        advice = "install a newer interpreter (ai-edge-litert), or convert the model for this one"
        return fault("model-operator", where, what, advice)
    return fault("model-refused", where, said, "cut the model again, and flash it again")
