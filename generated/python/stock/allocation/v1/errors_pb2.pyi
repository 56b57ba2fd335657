from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class RejectionReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REJECTION_REASON_UNSPECIFIED: _ClassVar[RejectionReason]
    REJECTION_REASON_MALFORMED: _ClassVar[RejectionReason]
    REJECTION_REASON_UNKNOWN_BATCH: _ClassVar[RejectionReason]
    REJECTION_REASON_UNKNOWN_SKU: _ClassVar[RejectionReason]
    REJECTION_REASON_BATCH_CONFLICT: _ClassVar[RejectionReason]
    REJECTION_REASON_LINE_CONFLICT: _ClassVar[RejectionReason]
    REJECTION_REASON_QUEUE_FULL: _ClassVar[RejectionReason]
    REJECTION_REASON_STORE_UNAVAILABLE: _ClassVar[RejectionReason]
    REJECTION_REASON_OUTCOME_UNKNOWN: _ClassVar[RejectionReason]
    REJECTION_REASON_SHUTTING_DOWN: _ClassVar[RejectionReason]
REJECTION_REASON_UNSPECIFIED: RejectionReason
REJECTION_REASON_MALFORMED: RejectionReason
REJECTION_REASON_UNKNOWN_BATCH: RejectionReason
REJECTION_REASON_UNKNOWN_SKU: RejectionReason
REJECTION_REASON_BATCH_CONFLICT: RejectionReason
REJECTION_REASON_LINE_CONFLICT: RejectionReason
REJECTION_REASON_QUEUE_FULL: RejectionReason
REJECTION_REASON_STORE_UNAVAILABLE: RejectionReason
REJECTION_REASON_OUTCOME_UNKNOWN: RejectionReason
REJECTION_REASON_SHUTTING_DOWN: RejectionReason
