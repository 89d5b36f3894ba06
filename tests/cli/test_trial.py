"""What trials on nodes come to."""

from __future__ import annotations

from edgechain.cli.trial import Tried
from edgechain.spec.probing import Probed
from edgechain.spec.profile import LinkCosts


def link(send: float | None, receive: float | None, message: float | None) -> Probed:
    """One that was measured, with these costs."""
    return Probed(
        mbit=900,
        round_trip_ms=0.2,
        send_ms_per_mb=send,
        receive_ms_per_mb=receive,
        message_ms=message,
    )


def test_what_loopback_costs_is_the_mean_of_the_links() -> None:
    tried = Tried([], [link(0.5, 1.0, 0.25), link(1.5, 2.0, None)])
    found = LinkCosts(send_ms_per_mb=1.0, receive_ms_per_mb=1.5, message_ms=0.25)
    assert tried.loopback == found


def test_what_no_link_says_is_not_known() -> None:
    assert Tried([], []).loopback is None
    assert Tried([], [link(0.5, None, 0.25)]).loopback is None
