"""What `edgechain plan` answers: for people, for scripts, and as the file that is cut after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgechain.cli.plan_report import (
    document,
    say_of_devices,
    say_of_threads,
    show,
    show_beside,
    show_what_helps,
)
from edgechain.cli.refine import as_document as refined_document
from edgechain.cli.refine import show_gain, show_refined
from edgechain.plan.compare import Option
from edgechain.plan.refine import Refined
from edgechain.plan.threads import Planned
from edgechain.plan.topology import Device
from edgechain.plan.written import plan_file
from edgechain.spec.chain import ModelSource
from edgechain.spec.plan_file import PlanFile


@dataclass(frozen=True)
class Answer:
    """Plans to choose from; of a model with its devices, and what they are made of."""

    options: Sequence[Option]
    devices: Sequence[Device] = ()
    source: ModelSource | None = None
    planned: Planned | None = None
    """The only plan, of a model."""
    refined: Refined | None = None
    copied: bool = False
    """Whether the only plan might have copies."""
    complete: str | None = None
    """How complete several plans are, where that is to be said."""

    @property
    def is_one(self) -> bool:
        """Whether there is nothing to choose from."""
        return len(self.options) == 1 and self.complete is None

    def file(self) -> PlanFile:
        """What `split --plan` reads."""
        if self.planned is None or self.source is None:
            raise RuntimeError("only the one plan of a model is written")
        return plan_file(self.source, self.planned)

    def document(self) -> Any:
        """One plan as it is, several in a list and with their names."""
        if not self.is_one:
            return [{"plan": one.name, **document(one)} for one in self.options]
        told = document(self.options[0])
        return told if self.refined is None else told | {"refined": refined_document(self.refined)}

    def show(self) -> None:
        """For people."""
        if self.refined is not None:
            show_refined(self.refined)
        if self.is_one:
            self._show_one(self.options[0])
        else:
            show_beside(self.options, self.complete)
        if self.planned is not None:
            say_of_threads(self.devices, self.planned.found)
        say_of_devices(self.devices)
        if self.refined is not None:
            show_gain(self.refined)

    def _show_one(self, option: Option) -> None:
        show(option, with_threads=any(device.others for device in self.devices))
        if not self.copied:
            show_what_helps(option.problem, option.placement)
