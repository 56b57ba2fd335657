import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReplayOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPLAY_OUTCOME_UNSPECIFIED: _ClassVar[ReplayOutcome]
    REPLAY_OUTCOME_APPLIED: _ClassVar[ReplayOutcome]
    REPLAY_OUTCOME_REPEATED: _ClassVar[ReplayOutcome]
    REPLAY_OUTCOME_SUPERSEDED: _ClassVar[ReplayOutcome]
    REPLAY_OUTCOME_REJECTED: _ClassVar[ReplayOutcome]
    REPLAY_OUTCOME_STILL_PARKED: _ClassVar[ReplayOutcome]
    REPLAY_OUTCOME_NOT_PARKED: _ClassVar[ReplayOutcome]
REPLAY_OUTCOME_UNSPECIFIED: ReplayOutcome
REPLAY_OUTCOME_APPLIED: ReplayOutcome
REPLAY_OUTCOME_REPEATED: ReplayOutcome
REPLAY_OUTCOME_SUPERSEDED: ReplayOutcome
REPLAY_OUTCOME_REJECTED: ReplayOutcome
REPLAY_OUTCOME_STILL_PARKED: ReplayOutcome
REPLAY_OUTCOME_NOT_PARKED: ReplayOutcome

class DescribeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DescribeResponse(_message.Message):
    __slots__ = ("process_id", "version", "inbound_stream", "inbound_consumer", "event_stream")
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    INBOUND_STREAM_FIELD_NUMBER: _ClassVar[int]
    INBOUND_CONSUMER_FIELD_NUMBER: _ClassVar[int]
    EVENT_STREAM_FIELD_NUMBER: _ClassVar[int]
    process_id: int
    version: str
    inbound_stream: str
    inbound_consumer: str
    event_stream: str
    def __init__(self, process_id: _Optional[int] = ..., version: _Optional[str] = ..., inbound_stream: _Optional[str] = ..., inbound_consumer: _Optional[str] = ..., event_stream: _Optional[str] = ...) -> None: ...

class ParkedPlace(_message.Message):
    __slots__ = ("stream", "incarnation", "sequence")
    STREAM_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    stream: str
    incarnation: int
    sequence: int
    def __init__(self, stream: _Optional[str] = ..., incarnation: _Optional[int] = ..., sequence: _Optional[int] = ...) -> None: ...

class ReplayParkedRequest(_message.Message):
    __slots__ = ("places",)
    PLACES_FIELD_NUMBER: _ClassVar[int]
    places: _containers.RepeatedCompositeFieldContainer[ParkedPlace]
    def __init__(self, places: _Optional[_Iterable[_Union[ParkedPlace, _Mapping]]] = ...) -> None: ...

class ReplayParkedResponse(_message.Message):
    __slots__ = ("replays",)
    REPLAYS_FIELD_NUMBER: _ClassVar[int]
    replays: _containers.RepeatedCompositeFieldContainer[Replay]
    def __init__(self, replays: _Optional[_Iterable[_Union[Replay, _Mapping]]] = ...) -> None: ...

class Replay(_message.Message):
    __slots__ = ("place", "outcome", "detail")
    PLACE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    place: ParkedPlace
    outcome: ReplayOutcome
    detail: str
    def __init__(self, place: _Optional[_Union[ParkedPlace, _Mapping]] = ..., outcome: _Optional[_Union[ReplayOutcome, str]] = ..., detail: _Optional[str] = ...) -> None: ...

class DiscardParkedRequest(_message.Message):
    __slots__ = ("places", "reason")
    PLACES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    places: _containers.RepeatedCompositeFieldContainer[ParkedPlace]
    reason: str
    def __init__(self, places: _Optional[_Iterable[_Union[ParkedPlace, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

class DiscardParkedResponse(_message.Message):
    __slots__ = ("discarded",)
    DISCARDED_FIELD_NUMBER: _ClassVar[int]
    discarded: int
    def __init__(self, discarded: _Optional[int] = ...) -> None: ...

class ReEmitRequest(_message.Message):
    __slots__ = ("event_ids",)
    EVENT_IDS_FIELD_NUMBER: _ClassVar[int]
    event_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, event_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ReEmitResponse(_message.Message):
    __slots__ = ("queued",)
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    queued: int
    def __init__(self, queued: _Optional[int] = ...) -> None: ...

class ResetConsumerRequest(_message.Message):
    __slots__ = ("from_sequence", "from_time")
    FROM_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    FROM_TIME_FIELD_NUMBER: _ClassVar[int]
    from_sequence: int
    from_time: _timestamp_pb2.Timestamp
    def __init__(self, from_sequence: _Optional[int] = ..., from_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ResetConsumerResponse(_message.Message):
    __slots__ = ("pending",)
    PENDING_FIELD_NUMBER: _ClassVar[int]
    pending: int
    def __init__(self, pending: _Optional[int] = ...) -> None: ...

class LineCorrection(_message.Message):
    __slots__ = ("order_id", "line_id", "quantity", "batch_reference", "sku_sequence", "seen_sku_sequence", "displaced")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    BATCH_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    SKU_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SEEN_SKU_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    DISPLACED_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    line_id: str
    quantity: int
    batch_reference: str
    sku_sequence: int
    seen_sku_sequence: int
    displaced: bool
    def __init__(self, order_id: _Optional[str] = ..., line_id: _Optional[str] = ..., quantity: _Optional[int] = ..., batch_reference: _Optional[str] = ..., sku_sequence: _Optional[int] = ..., seen_sku_sequence: _Optional[int] = ..., displaced: _Optional[bool] = ...) -> None: ...

class RepairProductRequest(_message.Message):
    __slots__ = ("sku", "sku_sequence_min", "lines")
    SKU_FIELD_NUMBER: _ClassVar[int]
    SKU_SEQUENCE_MIN_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    sku: str
    sku_sequence_min: int
    lines: _containers.RepeatedCompositeFieldContainer[LineCorrection]
    def __init__(self, sku: _Optional[str] = ..., sku_sequence_min: _Optional[int] = ..., lines: _Optional[_Iterable[_Union[LineCorrection, _Mapping]]] = ...) -> None: ...

class RepairProductResponse(_message.Message):
    __slots__ = ("changes", "refusals")
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedScalarFieldContainer[str]
    refusals: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, changes: _Optional[_Iterable[str]] = ..., refusals: _Optional[_Iterable[str]] = ...) -> None: ...
