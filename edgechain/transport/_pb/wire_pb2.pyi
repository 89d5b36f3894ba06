from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Frame(_message.Message):
    __slots__ = ("header", "data", "control", "together")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    CONTROL_FIELD_NUMBER: _ClassVar[int]
    TOGETHER_FIELD_NUMBER: _ClassVar[int]
    header: ChunkHeader
    data: bytes
    control: Control
    together: _containers.RepeatedCompositeFieldContainer[Frame]
    def __init__(self, header: _Optional[_Union[ChunkHeader, _Mapping]] = ..., data: _Optional[bytes] = ..., control: _Optional[_Union[Control, _Mapping]] = ..., together: _Optional[_Iterable[_Union[Frame, _Mapping]]] = ...) -> None: ...

class RequestKey(_message.Message):
    __slots__ = ("generation", "client", "session", "sequence", "attempt")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    generation: bytes
    client: bytes
    session: int
    sequence: int
    attempt: int
    def __init__(self, generation: _Optional[bytes] = ..., client: _Optional[bytes] = ..., session: _Optional[int] = ..., sequence: _Optional[int] = ..., attempt: _Optional[int] = ...) -> None: ...

class Hop(_message.Message):
    __slots__ = ("node", "incarnation")
    NODE_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    node: str
    incarnation: int
    def __init__(self, node: _Optional[str] = ..., incarnation: _Optional[int] = ...) -> None: ...

class ChunkHeader(_message.Message):
    __slots__ = ("key", "tensor", "offset", "total", "budget_us", "shape", "route", "packed")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TENSOR_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    BUDGET_US_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    PACKED_FIELD_NUMBER: _ClassVar[int]
    key: RequestKey
    tensor: int
    offset: int
    total: int
    budget_us: int
    shape: _containers.RepeatedScalarFieldContainer[int]
    route: _containers.RepeatedCompositeFieldContainer[Hop]
    packed: bool
    def __init__(self, key: _Optional[_Union[RequestKey, _Mapping]] = ..., tensor: _Optional[int] = ..., offset: _Optional[int] = ..., total: _Optional[int] = ..., budget_us: _Optional[int] = ..., shape: _Optional[_Iterable[int]] = ..., route: _Optional[_Iterable[_Union[Hop, _Mapping]]] = ..., packed: _Optional[bool] = ...) -> None: ...

class Control(_message.Message):
    __slots__ = ("hello", "welcome", "refused", "lease", "leased", "released", "cancel", "failure", "bye", "superseded", "beat")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    LEASED_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    BYE_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_FIELD_NUMBER: _ClassVar[int]
    BEAT_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    welcome: Welcome
    refused: Refused
    lease: Lease
    leased: Leased
    released: Released
    cancel: Cancel
    failure: Failure
    bye: Bye
    superseded: Superseded
    beat: Beat
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., welcome: _Optional[_Union[Welcome, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ..., lease: _Optional[_Union[Lease, _Mapping]] = ..., leased: _Optional[_Union[Leased, _Mapping]] = ..., released: _Optional[_Union[Released, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., bye: _Optional[_Union[Bye, _Mapping]] = ..., superseded: _Optional[_Union[Superseded, _Mapping]] = ..., beat: _Optional[_Union[Beat, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("version", "role", "name", "namespace", "chain", "generation", "client", "session", "want_slots", "challenge")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    WANT_SLOTS_FIELD_NUMBER: _ClassVar[int]
    CHALLENGE_FIELD_NUMBER: _ClassVar[int]
    version: int
    role: str
    name: str
    namespace: str
    chain: str
    generation: bytes
    client: bytes
    session: int
    want_slots: int
    challenge: bytes
    def __init__(self, version: _Optional[int] = ..., role: _Optional[str] = ..., name: _Optional[str] = ..., namespace: _Optional[str] = ..., chain: _Optional[str] = ..., generation: _Optional[bytes] = ..., client: _Optional[bytes] = ..., session: _Optional[int] = ..., want_slots: _Optional[int] = ..., challenge: _Optional[bytes] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("version", "hop", "namespace", "chain", "generation", "stages", "certificate", "signature")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HOP_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    version: int
    hop: Hop
    namespace: str
    chain: str
    generation: bytes
    stages: _containers.RepeatedScalarFieldContainer[str]
    certificate: bytes
    signature: bytes
    def __init__(self, version: _Optional[int] = ..., hop: _Optional[_Union[Hop, _Mapping]] = ..., namespace: _Optional[str] = ..., chain: _Optional[str] = ..., generation: _Optional[bytes] = ..., stages: _Optional[_Iterable[str]] = ..., certificate: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("kind", "reason")
    KIND_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    kind: str
    reason: str
    def __init__(self, kind: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class Lease(_message.Message):
    __slots__ = ("slots", "number")
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    slots: int
    number: int
    def __init__(self, slots: _Optional[int] = ..., number: _Optional[int] = ...) -> None: ...

class Leased(_message.Message):
    __slots__ = ("slots", "number")
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    slots: int
    number: int
    def __init__(self, slots: _Optional[int] = ..., number: _Optional[int] = ...) -> None: ...

class Released(_message.Message):
    __slots__ = ("of", "sequence", "attempt", "held_us")
    OF_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    HELD_US_FIELD_NUMBER: _ClassVar[int]
    of: RequestKey
    sequence: _containers.RepeatedScalarFieldContainer[int]
    attempt: _containers.RepeatedScalarFieldContainer[int]
    held_us: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, of: _Optional[_Union[RequestKey, _Mapping]] = ..., sequence: _Optional[_Iterable[int]] = ..., attempt: _Optional[_Iterable[int]] = ..., held_us: _Optional[_Iterable[int]] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: RequestKey
    def __init__(self, key: _Optional[_Union[RequestKey, _Mapping]] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("key", "kind", "stage", "reason")
    KEY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    key: RequestKey
    kind: str
    stage: str
    reason: str
    def __init__(self, key: _Optional[_Union[RequestKey, _Mapping]] = ..., kind: _Optional[str] = ..., stage: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class Superseded(_message.Message):
    __slots__ = ("generation",)
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    generation: bytes
    def __init__(self, generation: _Optional[bytes] = ...) -> None: ...

class Beat(_message.Message):
    __slots__ = ("received",)
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    received: int
    def __init__(self, received: _Optional[int] = ...) -> None: ...

class Bye(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class StatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StatusReply(_message.Message):
    __slots__ = ("json",)
    JSON_FIELD_NUMBER: _ClassVar[int]
    json: str
    def __init__(self, json: _Optional[str] = ...) -> None: ...

class ManifestRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ManifestReply(_message.Message):
    __slots__ = ("yaml",)
    YAML_FIELD_NUMBER: _ClassVar[int]
    yaml: str
    def __init__(self, yaml: _Optional[str] = ...) -> None: ...

class ProfileRequest(_message.Message):
    __slots__ = ("order", "piece")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    PIECE_FIELD_NUMBER: _ClassVar[int]
    order: ProfileOrder
    piece: bytes
    def __init__(self, order: _Optional[_Union[ProfileOrder, _Mapping]] = ..., piece: _Optional[bytes] = ...) -> None: ...

class ProfileOrder(_message.Message):
    __slots__ = ("model", "size", "sha256", "device", "threads", "interpreter", "seconds", "nodes")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    INTERPRETER_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    model: str
    size: int
    sha256: bytes
    device: str
    threads: int
    interpreter: str
    seconds: float
    nodes: bool
    def __init__(self, model: _Optional[str] = ..., size: _Optional[int] = ..., sha256: _Optional[bytes] = ..., device: _Optional[str] = ..., threads: _Optional[int] = ..., interpreter: _Optional[str] = ..., seconds: _Optional[float] = ..., nodes: _Optional[bool] = ...) -> None: ...

class ProfileReply(_message.Message):
    __slots__ = ("accepted", "working", "profile", "declined")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    WORKING_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    DECLINED_FIELD_NUMBER: _ClassVar[int]
    accepted: ProfileAccepted
    working: ProfileWorking
    profile: str
    declined: ProfileDeclined
    def __init__(self, accepted: _Optional[_Union[ProfileAccepted, _Mapping]] = ..., working: _Optional[_Union[ProfileWorking, _Mapping]] = ..., profile: _Optional[str] = ..., declined: _Optional[_Union[ProfileDeclined, _Mapping]] = ...) -> None: ...

class ProfileAccepted(_message.Message):
    __slots__ = ("node",)
    NODE_FIELD_NUMBER: _ClassVar[int]
    node: str
    def __init__(self, node: _Optional[str] = ...) -> None: ...

class ProfileWorking(_message.Message):
    __slots__ = ("what", "done", "total")
    WHAT_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    what: str
    done: int
    total: int
    def __init__(self, what: _Optional[str] = ..., done: _Optional[int] = ..., total: _Optional[int] = ...) -> None: ...

class ProfileDeclined(_message.Message):
    __slots__ = ("kind", "reason")
    KIND_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    kind: str
    reason: str
    def __init__(self, kind: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ProbeRequest(_message.Message):
    __slots__ = ("node", "addresses", "seconds")
    NODE_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    node: str
    addresses: _containers.RepeatedScalarFieldContainer[str]
    seconds: float
    def __init__(self, node: _Optional[str] = ..., addresses: _Optional[_Iterable[str]] = ..., seconds: _Optional[float] = ...) -> None: ...

class ProbeReply(_message.Message):
    __slots__ = ("node", "mbit", "round_trip_ms", "problem", "send_ms_per_mb", "receive_ms_per_mb", "message_ms")
    NODE_FIELD_NUMBER: _ClassVar[int]
    MBIT_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIP_MS_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    SEND_MS_PER_MB_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_MS_PER_MB_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_MS_FIELD_NUMBER: _ClassVar[int]
    node: str
    mbit: float
    round_trip_ms: float
    problem: str
    send_ms_per_mb: float
    receive_ms_per_mb: float
    message_ms: float
    def __init__(self, node: _Optional[str] = ..., mbit: _Optional[float] = ..., round_trip_ms: _Optional[float] = ..., problem: _Optional[str] = ..., send_ms_per_mb: _Optional[float] = ..., receive_ms_per_mb: _Optional[float] = ..., message_ms: _Optional[float] = ...) -> None: ...

class EchoRequest(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...

class EchoReply(_message.Message):
    __slots__ = ("node", "received", "problem", "processor_us")
    NODE_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    PROCESSOR_US_FIELD_NUMBER: _ClassVar[int]
    node: str
    received: int
    problem: str
    processor_us: int
    def __init__(self, node: _Optional[str] = ..., received: _Optional[int] = ..., problem: _Optional[str] = ..., processor_us: _Optional[int] = ...) -> None: ...
