"""What copies are worth, in words: which devices take turns, and how much faster that is."""

from __future__ import annotations

from edgechain.plan.bounds import bound_with_copies
from edgechain.plan.copies import listed
from edgechain.plan.explain import figures, verdict
from edgechain.plan.sharing import LOOKS, place_with_copies
from edgechain.spec.plan import Placement, Share
from edgechain.spec.problem import Problem

WORTH = 1.05
"""Copies that make it faster by less than that are not worth a word to who did not ask."""

FEW_TEAMS, FEW_LOOKS = 4, LOOKS // 20
"""For a word that nobody asked for: about as long as the plan itself takes, or twice as long."""


def copies_verdict(problem: Problem, found: Placement, single: Placement) -> str:
    """One sentence: what has copies, and how much faster that is than the best without them."""
    if not found.has_copies:
        none = "copies bring nothing" if found.is_exact else "no copies were found to bring more"
        same = found.shares == single.shares
        return f"{none}; {verdict(problem, single if same else found)}"
    what = f"{_who(problem, found)}: {figures(found)}"
    if not found.score.period:
        return f"{what}; without copies: {figures(single)}"
    ratio = single.score.period / found.score.period
    return f"{what}; {ratio:.2f} times as fast as without copies ({figures(single)})"


def hint(problem: Problem, single: Placement) -> str | None:
    """That copies would be faster, if they would be by much; ``single`` is the best without."""
    bound = bound_with_copies(problem)
    if single.score.period < bound * WORTH:
        return None
    found = place_with_copies(problem, single, FEW_TEAMS, FEW_LOOKS, bound=bound)
    if single.score.period < found.score.period * WORTH or not found.has_copies:
        return None
    return f"with copies (--copies): {figures(found)}, {_who(problem, found)}"


def _who(problem: Problem, found: Placement) -> str:
    """Which devices run which stages."""
    first, *others = (_names(problem, share) for share in found.shares)
    if not others:
        return f"the whole model on {first}"
    return f"{len(found.shares)} stages on {'; '.join((first, *others))}"


def _names(problem: Problem, share: Share) -> str:
    return listed([problem.boards[board].name for board in sorted(share.boards)])
