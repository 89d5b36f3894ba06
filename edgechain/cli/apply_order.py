"""What `edgechain apply` was asked for, and what it shows, asks and tells of any chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from edgechain.cli import apply_report
from edgechain.cli.apply_chain import Chosen, choose
from edgechain.cli.output import emit_json
from edgechain.plan.change import DeviceChange, changes
from edgechain.spec.moving import RunningChain
from edgechain.spec.plan_file import PlanFile


@dataclass(frozen=True, slots=True)
class ApplyOrder:
    """The command's words: the plan, where its chain is, and how to talk."""

    file: Path
    plan: PlanFile
    to: Path | None
    model: Path | None
    dry_run: bool
    yes: bool
    as_json: bool

    def preview(self, running: RunningChain, *, ends: bool = True) -> Preview:
        """Show what would change, or keep it for scripts; nothing is made yet.

        ``ends``: nodes of no use any more end, else they stand by. Raises ``InvalidDocument`` or
        ``InvalidModel`` where there can be no chain of the plan.
        """
        chosen = choose(self.file, self.plan, running, self.to, self.model)
        old = apply_report.running_plan(running)
        found = changes(running.assignment, self.plan, old)
        preview = Preview(self, running, chosen, old, found)
        if not self.as_json:
            apply_report.show(found, old, self.plan, chosen.words, ends=ends)
        return preview


@dataclass(frozen=True, slots=True)
class Applied:
    """How it ended: whether anything moved, what runs, and the files that were written anew."""

    moved: bool
    generation: str
    files: Sequence[Path] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What would change, and where the chain for it comes from."""

    order: ApplyOrder
    running: RunningChain
    chosen: Chosen
    old: PlanFile | None
    changes: Sequence[DeviceChange]

    def agreed(self, question: str) -> bool:
        """Whether it is to be done; where not, that is all there is to tell."""
        if not self.order.dry_run and (self.order.yes or typer.confirm(question)):
            return True
        if self.order.as_json:
            emit_json(self._document() | {"applied": False})
        return False

    def tell(self, applied: Applied) -> None:
        """Print how it ended."""
        if self.order.as_json:
            more = {"applied": True, "moved": applied.moved, "runs": applied.generation}
            files = {"files": list(map(str, applied.files))} if applied.files else {}
            emit_json(self._document() | more | files)
            return
        verb = "runs" if applied.moved else "already runs"
        typer.echo(f"chain {self.running.name} {verb} generation {applied.generation[:12]}")
        if applied.files:
            typer.echo(f"written anew: {', '.join(map(str, applied.files))}")

    def _document(self) -> dict[str, object]:
        plan, source = self.order.plan, self.chosen.words
        return apply_report.document(self.running, self.changes, self.old, plan, source)
