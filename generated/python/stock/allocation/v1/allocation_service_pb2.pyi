import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from stock.allocation.v1 import batch_pb2 as _batch_pb2
from stock.allocation.v1 import line_pb2 as _line_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateBatchRequest(_message.Message):
    __slots__ = ("batch_reference", "sku", "purchased_quantity", "eta")
    BATCH_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    PURCHASED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    ETA_FIELD_NUMBER: _ClassVar[int]
    batch_reference: str
    sku: str
    purchased_quantity: int
    eta: _timestamp_pb2.Timestamp
    def __init__(self, batch_reference: _Optional[str] = ..., sku: _Optional[str] = ..., purchased_quantity: _Optional[int] = ..., eta: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateBatchResponse(_message.Message):
    __slots__ = ("batch",)
    BATCH_FIELD_NUMBER: _ClassVar[int]
    batch: _batch_pb2.Batch
    def __init__(self, batch: _Optional[_Union[_batch_pb2.Batch, _Mapping]] = ...) -> None: ...

class AllocateRequest(_message.Message):
    __slots__ = ("order_id", "line_id", "sku", "quantity")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    line_id: str
    sku: str
    quantity: int
    def __init__(self, order_id: _Optional[str] = ..., line_id: _Optional[str] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class AllocateResponse(_message.Message):
    __slots__ = ("line",)
    LINE_FIELD_NUMBER: _ClassVar[int]
    line: _line_pb2.LineStatus
    def __init__(self, line: _Optional[_Union[_line_pb2.LineStatus, _Mapping]] = ...) -> None: ...

class ChangeBatchQuantityRequest(_message.Message):
    __slots__ = ("batch_reference", "quantity")
    BATCH_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    batch_reference: str
    quantity: int
    def __init__(self, batch_reference: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class ChangeBatchQuantityResponse(_message.Message):
    __slots__ = ("batch", "deallocated_lines", "reallocated_lines", "backordered_lines", "correlation_id")
    BATCH_FIELD_NUMBER: _ClassVar[int]
    DEALLOCATED_LINES_FIELD_NUMBER: _ClassVar[int]
    REALLOCATED_LINES_FIELD_NUMBER: _ClassVar[int]
    BACKORDERED_LINES_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    batch: _batch_pb2.Batch
    deallocated_lines: int
    reallocated_lines: int
    backordered_lines: int
    correlation_id: str
    def __init__(self, batch: _Optional[_Union[_batch_pb2.Batch, _Mapping]] = ..., deallocated_lines: _Optional[int] = ..., reallocated_lines: _Optional[int] = ..., backordered_lines: _Optional[int] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class GetBatchRequest(_message.Message):
    __slots__ = ("batch_reference",)
    BATCH_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    batch_reference: str
    def __init__(self, batch_reference: _Optional[str] = ...) -> None: ...

class GetBatchResponse(_message.Message):
    __slots__ = ("batch",)
    BATCH_FIELD_NUMBER: _ClassVar[int]
    batch: _batch_pb2.Batch
    def __init__(self, batch: _Optional[_Union[_batch_pb2.Batch, _Mapping]] = ...) -> None: ...

class ListBatchesRequest(_message.Message):
    __slots__ = ("sku", "page_size", "page_token")
    SKU_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    sku: str
    page_size: int
    page_token: str
    def __init__(self, sku: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListBatchesResponse(_message.Message):
    __slots__ = ("batches", "next_page_token")
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    batches: _containers.RepeatedCompositeFieldContainer[_batch_pb2.Batch]
    next_page_token: str
    def __init__(self, batches: _Optional[_Iterable[_Union[_batch_pb2.Batch, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListLinesRequest(_message.Message):
    __slots__ = ("order_id", "page_size", "page_token")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    page_size: int
    page_token: str
    def __init__(self, order_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListLinesResponse(_message.Message):
    __slots__ = ("lines", "next_page_token")
    LINES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[_line_pb2.LineStatus]
    next_page_token: str
    def __init__(self, lines: _Optional[_Iterable[_Union[_line_pb2.LineStatus, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
