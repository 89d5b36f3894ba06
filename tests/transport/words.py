"""Everything peers can say, invented."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from edgechain.spec.deadline import Deadline
from edgechain.spec.ids import ClientId, Generation, Incarnation, RequestKey
from edgechain.spec.message import (
    Bye,
    Cancel,
    Control,
    Failure,
    FailureKind,
    Hello,
    Hop,
    Lease,
    Leased,
    RefusalKind,
    Refused,
    Released,
    Role,
    Route,
    TensorSend,
    Welcome,
)
from tests.runtime.keys import freed

U32, U63, U64 = (st.integers(0, 2**bits - 1) for bits in (32, 63, 64))
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)
# What a log may show: the decoder replaces everything else.
reasons = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="")).map(
    lambda text: "".join(c for c in text if c.isprintable())
)
generations = st.binary(min_size=32, max_size=32).map(lambda b: Generation(b.hex()))
clients = st.binary(min_size=16, max_size=16).map(lambda b: ClientId(b.hex()))
keys = st.builds(RequestKey, generations, clients, U64, U64, U32)
hops = st.builds(Hop, names, U64.map(Incarnation))
routes = st.lists(hops, max_size=5).map(tuple)
shapes = st.lists(st.integers(0, 9), max_size=4).map(tuple)


def _hello(role: Role, client: ClientId, **more: object) -> Hello:
    return Hello(role, client=client if role is Role.CLIENT else None, **more)  # type: ignore[arg-type]


hellos = st.builds(
    _hello,
    st.sampled_from(Role),
    clients,
    name=names,
    namespace=names,
    chain=names,
    generation=st.none() | generations,
    session=U64,
    want_slots=U32,
    version=U32,
)
welcomes = st.builds(
    Welcome, hops, names, names, generations, st.lists(names, max_size=4).map(tuple), U32
)


def _freed(key: RequestKey, numbers: list[tuple[int, int]]) -> Released:
    """Slots of one session."""
    keys = [key._replace(sequence=sequence, attempt=attempt) for sequence, attempt in numbers]
    return freed(*keys, seconds=len(keys) / 4)


controls: st.SearchStrategy[Control] = st.one_of(
    hellos,
    welcomes,
    st.builds(Refused, st.sampled_from(RefusalKind), reasons),
    st.builds(Lease, U32, U64),
    st.builds(Leased, U32, U64),
    st.builds(_freed, keys, st.lists(st.tuples(U64, U32), min_size=1, max_size=4)),
    st.builds(Cancel, keys),
    st.builds(Failure, keys, st.sampled_from(FailureKind), names, reasons),
    st.builds(Bye, reasons),
)


def tensor(
    payload: bytes,
    done: Callable[[bool], None],
    *,
    key: RequestKey,
    deadline: float = 1e9,
    route: Route = (),
    shape: tuple[int, ...] | None = None,
    number: int = 0,
    packed: bool = False,
) -> TensorSend:
    """A tensor to send."""
    sizes = (len(payload),) if shape is None else shape
    view = memoryview(payload)
    until = Deadline(deadline)
    return TensorSend(key, number, sizes, route, until, view, done, packed=packed)
