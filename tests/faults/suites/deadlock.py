"""Random chains under load and loss: nothing waits for ever; with bounded edges it would."""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults.suite import Report, Row, Suite, control, times
from tests.simulation.deadlock import LOSS, REPLICAS, SLOTS, bounded_edges, cases, ours

GRAPHS = 1_000
CONTROL_GRAPHS = 200
STUCK_SHARE = 0.25
"""Of the graphs, with one place in every buffer; DESIGN.md (section 3) measured half of them."""


def run(scale: float, report: Report) -> Sequence[Row]:
    """Our classes, then a model of bounded buffers on the same graphs."""
    rows = [_ours(times(GRAPHS, scale), report)]
    graphs = times(CONTROL_GRAPHS, scale, 20)
    report.say(f"control: bounded buffers on the edges of {graphs} graphs")
    return [*rows, _control(graphs, 0.0), _control(graphs, LOSS)]


def _ours(graphs: int, report: Report) -> Row:
    todo = cases(graphs)
    stuck = results = requests = 0
    for done, outcome in enumerate(ours(todo), 1):
        requests += outcome.requests
        results += outcome.counts["Result"]
        if outcome.violations:
            stuck += 1
            report.say(f"{todo[done - 1]}: {outcome.violations[0]}")
        report.progress(done, len(todo))
    slots, replicas = (", ".join(map(str, some)) for some in (SLOTS, REPLICAS))
    return Row(
        f"{graphs:,} graphs x slots {slots} x replicas {replicas} x {LOSS:.0%} loss",
        "0 stuck",
        f"{stuck} stuck of {len(todo):,}; {results / requests:.1%} of requests answered",
        stuck == 0,
    )


def _control(graphs: int, loss: float) -> Row:
    shares = []
    for size in SLOTS:
        found = list(bounded_edges(cases(graphs, (size,), loss)))
        shares.append(sum(count > 0 for count in found) / len(found))
    told = ", ".join(f"{share:.0%} ({size})" for size, share in zip(SLOTS, shares, strict=True))
    test = f"bounded edges, {loss:.0%} loss"
    figure = f"at least {STUCK_SHARE:.0%} of graphs stuck with buffers of 1"
    return control(test, figure, f"stuck: {told}", shares[0] >= STUCK_SHARE)


SUITE = Suite("deadlock", "random chains under load and loss: nothing waits for ever", run)
