"""What `edgechain plan` can be asked for, and what of it does not go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edgechain.cli.refine import Asking
from edgechain.plan.pins import Pin
from edgechain.spec.problem import Objective


class Wanted(StrEnum):
    """An objective, each of them beside no split at all, or all plans between the two."""

    THROUGHPUT = Objective.THROUGHPUT.value
    LATENCY = Objective.LATENCY.value
    BOTH = "both"
    FRONT = "front"

    @property
    def one(self) -> Objective | None:
        """The objective, if there is one plan for it."""
        return None if self in (Wanted.BOTH, Wanted.FRONT) else Objective(self)


ModelFile = Annotated[Path | None, typer.Argument(help="A .tflite file.")]
Devices = Annotated[
    list[str] | None,
    typer.Option(help="Device files, or a pattern of such; repeatable. With MODEL."),
]
Links = Annotated[
    Path | None,
    typer.Option(help="What `edgechain profile --links -o FILE` measured. With --devices."),
]
ProblemFile = Annotated[
    Path | None,
    typer.Option("--problem", help="Instead of MODEL: a JSON file, units, devices and links."),
]
Goal = Annotated[
    Wanted | None,
    typer.Option(
        help="What is to be small: the period, one frame's way, or plans for both, or all "
        "between. [default: throughput, or that of the plan to refine]"
    ),
]
Copies = Annotated[
    bool, typer.Option("--copies", help="Several devices may run the same, and take turns.")
]
Pins = Annotated[
    list[str] | None,
    typer.Option(
        metavar="WHAT=DEVICE",
        help="Keep a unit there; of a MODEL: input, output, a tensor, operators; repeatable.",
    ),
]
Out = Annotated[
    Path | None, typer.Option("-o", "--out", help="File for the plan; `split --plan` reads it.")
]
Plot = Annotated[Path | None, typer.Option(help="Draw it, too: who does what when, as FILE.svg.")]
Old = Annotated[
    Path | None,
    typer.Option("--refine", help="Plan anew with what the running nodes measured of this plan."),
]
Namespace = Annotated[str | None, typer.Option(help="Which fleet. With --refine.")]
Listen = Annotated[
    float | None,
    typer.Option(min=0.0, max=60.0, help="Seconds to listen for nodes. With --refine."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; of several plans, a list.")]


@dataclass(frozen=True)
class Asked:
    """What is to be placed on what, what for, and what is to become of the plan.

    ``patterns`` are of device files; ``old`` is the plan to refine, by what ``asking`` finds.
    """

    model: Path | None
    patterns: Sequence[str]
    links: Path | None
    problem_file: Path | None
    objective: Wanted | None
    copies: bool
    pinned: Sequence[str]
    out: Path | None
    plot: Path | None
    old: Path | None
    asking: Asking

    @property
    def wanted(self) -> Wanted:
        """The objective, where a new plan is made."""
        return self.objective or Wanted.THROUGHPUT

    @property
    def is_choice(self) -> bool:
        """Whether plans for more than one objective were asked for in so many words."""
        return self.objective is not None and self.objective.one is None

    def pins(self) -> list[Pin]:
        """What must stay where. Raises ``typer.BadParameter``."""
        pins = []
        for one in self.pinned:
            what, _, device = one.rpartition("=")
            if not what or not device:
                raise typer.BadParameter(f"{one!r} should be WHAT=DEVICE", param_hint="--pin")
            pins.append(Pin(what, device))
        return pins

    def check(self) -> None:
        """Raise ``typer.BadParameter`` for what does not go together."""
        self._check_usage()
        self._check_refine()
        if self.copies:
            self._check_copies()
        if self.links is not None and self.model is None:
            raise typer.BadParameter("goes with MODEL and --devices", param_hint="--links")
        self._check_plot()
        self.pins()

    def _check_usage(self) -> None:
        if (self.model is None) == (self.problem_file is None):
            raise typer.BadParameter("give MODEL and --devices, or --problem")
        if (self.model is None) != (not self.patterns):
            raise typer.BadParameter("MODEL and --devices go together", param_hint="--devices")
        if self.out is not None and self.model is None:
            raise typer.BadParameter("only the plan of a MODEL is written", param_hint="--out")
        if self.out is not None and self.is_choice:
            raise typer.BadParameter("choose one --objective to write", param_hint="--out")

    def _check_refine(self) -> None:
        if self.old is None:
            if self.asking.is_said:
                said = "--namespace, --listen, --identity and --insecure go with --refine"
                raise typer.BadParameter(said)
        elif self.model is None:
            raise typer.BadParameter("only the plan of a MODEL is refined", param_hint="--refine")
        elif self.is_choice:
            raise typer.BadParameter("choose one --objective to refine for", param_hint="--refine")

    def _check_copies(self) -> None:
        if self.wanted is not Wanted.THROUGHPUT:
            reason = "copies make frames more frequent, none of them faster: only for throughput"
            raise typer.BadParameter(reason, param_hint="--copies")
        if self.old is not None:
            reason = "copies and --refine do not go together"
            raise typer.BadParameter(reason, param_hint="--copies")

    def _check_plot(self) -> None:
        if self.plot is None:
            return
        if self.plot.suffix.lower() != ".svg":
            raise typer.BadParameter(f"{self.plot} should end in .svg", param_hint="--plot")
        for other in (self.model, self.problem_file, self.out, self.old):
            if other is not None and self.plot.resolve() == other.resolve():
                reason = f"{self.plot} would replace {other}"
                raise typer.BadParameter(reason, param_hint="--plot")
