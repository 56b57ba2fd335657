import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LineState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LINE_STATE_UNSPECIFIED: _ClassVar[LineState]
    LINE_STATE_ALLOCATED: _ClassVar[LineState]
    LINE_STATE_OUT_OF_STOCK: _ClassVar[LineState]
    LINE_STATE_BACKORDERED: _ClassVar[LineState]
LINE_STATE_UNSPECIFIED: LineState
LINE_STATE_ALLOCATED: LineState
LINE_STATE_OUT_OF_STOCK: LineState
LINE_STATE_BACKORDERED: LineState

class LineStatus(_message.Message):
    __slots__ = ("order_id", "line_id", "sku", "quantity", "state", "batch_reference", "eta", "sku_sequence")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    BATCH_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    ETA_FIELD_NUMBER: _ClassVar[int]
    SKU_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    line_id: str
    sku: str
    quantity: int
    state: LineState
    batch_reference: str
    eta: _timestamp_pb2.Timestamp
    sku_sequence: int
    def __init__(self, order_id: _Optional[str] = ..., line_id: _Optional[str] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ..., state: _Optional[_Union[LineState, str]] = ..., batch_reference: _Optional[str] = ..., eta: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sku_sequence: _Optional[int] = ...) -> None: ...
