import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from stock.allocation.v1 import errors_pb2 as _errors_pb2
from stock.allocation.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeallocationReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEALLOCATION_REASON_UNSPECIFIED: _ClassVar[DeallocationReason]
    DEALLOCATION_REASON_BATCH_SHRANK: _ClassVar[DeallocationReason]
DEALLOCATION_REASON_UNSPECIFIED: DeallocationReason
DEALLOCATION_REASON_BATCH_SHRANK: DeallocationReason

class Allocated(_message.Message):
    __slots__ = ("order_id", "line_id", "sku", "quantity", "batch_reference", "eta", "sku_sequence")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    BATCH_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    ETA_FIELD_NUMBER: _ClassVar[int]
    SKU_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    line_id: str
    sku: str
    quantity: int
    batch_reference: str
    eta: _timestamp_pb2.Timestamp
    sku_sequence: int
    def __init__(self, order_id: _Optional[str] = ..., line_id: _Optional[str] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ..., batch_reference: _Optional[str] = ..., eta: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sku_sequence: _Optional[int] = ...) -> None: ...

class Deallocated(_message.Message):
    __slots__ = ("order_id", "line_id", "sku", "quantity", "batch_reference", "reason", "sku_sequence")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    BATCH_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SKU_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    line_id: str
    sku: str
    quantity: int
    batch_reference: str
    reason: DeallocationReason
    sku_sequence: int
    def __init__(self, order_id: _Optional[str] = ..., line_id: _Optional[str] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ..., batch_reference: _Optional[str] = ..., reason: _Optional[_Union[DeallocationReason, str]] = ..., sku_sequence: _Optional[int] = ...) -> None: ...

class Backordered(_message.Message):
    __slots__ = ("order_id", "line_id", "sku", "quantity", "sku_sequence")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    SKU_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    line_id: str
    sku: str
    quantity: int
    sku_sequence: int
    def __init__(self, order_id: _Optional[str] = ..., line_id: _Optional[str] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ..., sku_sequence: _Optional[int] = ...) -> None: ...

class OutOfStock(_message.Message):
    __slots__ = ("order_id", "line_id", "sku", "quantity", "sku_sequence")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    SKU_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    line_id: str
    sku: str
    quantity: int
    sku_sequence: int
    def __init__(self, order_id: _Optional[str] = ..., line_id: _Optional[str] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ..., sku_sequence: _Optional[int] = ...) -> None: ...

class StockChanged(_message.Message):
    __slots__ = ("batch_reference", "sku", "purchased_quantity", "eta", "sku_sequence")
    BATCH_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    PURCHASED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    ETA_FIELD_NUMBER: _ClassVar[int]
    SKU_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    batch_reference: str
    sku: str
    purchased_quantity: int
    eta: _timestamp_pb2.Timestamp
    sku_sequence: int
    def __init__(self, batch_reference: _Optional[str] = ..., sku: _Optional[str] = ..., purchased_quantity: _Optional[int] = ..., eta: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sku_sequence: _Optional[int] = ...) -> None: ...

class Rejected(_message.Message):
    __slots__ = ("message_type", "message_source", "message_id", "reason", "detail", "sku", "batch_reference", "order_id", "line_id", "quantity")
    MESSAGE_TYPE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_SOURCE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    BATCH_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    message_type: str
    message_source: str
    message_id: str
    reason: _errors_pb2.RejectionReason
    detail: str
    sku: str
    batch_reference: str
    order_id: str
    line_id: str
    quantity: int
    def __init__(self, message_type: _Optional[str] = ..., message_source: _Optional[str] = ..., message_id: _Optional[str] = ..., reason: _Optional[_Union[_errors_pb2.RejectionReason, str]] = ..., detail: _Optional[str] = ..., sku: _Optional[str] = ..., batch_reference: _Optional[str] = ..., order_id: _Optional[str] = ..., line_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...
