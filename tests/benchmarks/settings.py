"""How much is measured: sizes, counts and rounds, for the whole run and for a quick one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""

MODELS = ROOT.parent / "shared" / "models"
"""Real models beside the repository, no part of it."""

MOBILENET = "mobilenet_v2_1.0_224_quant.tflite"
DETECT = "detect.tflite"

SIZES: Mapping[str, int] = {"1 kB": 1_000, "0.8 MB": 800_000, "6 MB": 6_000_000}
"""Bytes of one tensor: a class vector, an ordinary activation, the largest cut of a YOLOv8."""

IN_FLIGHT = 8
"""A node's default number of slots, and what a client keeps under way by default."""

THREADS = 1
"""Of every interpreter in the comparison: whole model and stages alike."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What one round does. Transfers are by size, in the order of ``SIZES``."""

    rounds: int
    stages: tuple[int, ...]
    """How many stages the chains beside the whole model have, one chain each."""
    starts: int
    """Times a node is started from nothing."""
    round_trips: tuple[int, ...]
    streamed: tuple[int, ...]
    control_share: int
    """The crippled control does this fraction (1/n) of them; it takes that much longer."""
    latency_frames: int
    throughput_frames: int
    price_frames: int
    price_latency_frames: int
    price_rounds: int
    """What the promise costs is a small difference: it wants many short rounds for every one."""
    plan_kinds: int
    plan_seeds: int
    """How many kinds of problems the planner gets, and of each."""
    net_rounds: int
    """Rounds in which it gets nets, which take it long."""
    plan_controls: int
    """Cases in which a textbook's programme is asked as well, which takes longer still."""
    models: tuple[str, ...]
    priced: tuple[str, ...]
    """Models beside whose chain there is one without the promise."""


FULL = Counts(
    rounds=7,
    stages=(2, 3, 5),
    starts=5,
    round_trips=(300, 50, 12),
    streamed=(2000, 120, 24),
    control_share=6,
    latency_frames=30,
    throughput_frames=80,
    price_frames=80,
    price_latency_frames=12,
    price_rounds=6,
    plan_kinds=5,
    plan_seeds=2,
    net_rounds=2,
    plan_controls=2,
    models=(MOBILENET, DETECT),
    priced=(MOBILENET,),
)

QUICK = Counts(
    rounds=1,
    stages=(2, 3),
    starts=1,
    round_trips=(40, 6, 2),
    streamed=(80, 8, 4),
    control_share=8,
    latency_frames=4,
    throughput_frames=8,
    price_frames=16,
    price_latency_frames=4,
    price_rounds=1,
    plan_kinds=1,
    plan_seeds=1,
    net_rounds=1,
    plan_controls=1,
    models=(MOBILENET,),
    priced=(),
)
