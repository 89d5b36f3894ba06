"""What the simulator found, as short stories (the seeds are of the day they were found)."""

from __future__ import annotations

from edgechain.client.session import Session
from edgechain.spec.ids import ClientId
from edgechain.spec.message import Cancel
from tests.client.doubles import MANIFEST, NotedNodes
from tests.runtime.keys import hop, key

NODE = hop("node")


def test_a_node_that_comes_back_hears_what_is_over_and_a_new_life_of_it_does_not() -> None:
    """Seed 1020: a chunk that another node had held back took a slot for a budget."""
    nodes = NotedNodes()
    session = Session(MANIFEST, ClientId("0" * 32), 1, nodes)
    for life in (1, 1, 2):
        session.node_up(hop("node", life), MANIFEST.stage)
        session.routes.set_lease(hop("node", life), 1, 1)
        assert session.routes.admit(key(len(nodes.told)), 0.0) is not None
        session.node_down(hop("node", life))
    assert nodes.told == [(NODE, Cancel(key(0)))]
