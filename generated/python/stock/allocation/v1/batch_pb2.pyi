import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Batch(_message.Message):
    __slots__ = ("batch_reference", "sku", "purchased_quantity", "allocated_quantity", "eta")
    BATCH_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    PURCHASED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    ALLOCATED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    ETA_FIELD_NUMBER: _ClassVar[int]
    batch_reference: str
    sku: str
    purchased_quantity: int
    allocated_quantity: int
    eta: _timestamp_pb2.Timestamp
    def __init__(self, batch_reference: _Optional[str] = ..., sku: _Optional[str] = ..., purchased_quantity: _Optional[int] = ..., allocated_quantity: _Optional[int] = ..., eta: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
