#![doc = include_str!("../README.md")]

// What generators make is not ours to lint.
#[allow(clippy::all, clippy::pedantic)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/stock.allocation.v1.rs"));
}
pub use generated::*;

/// The NATS subject of each event, read from the option on its message.
pub mod subjects {
    include!(concat!(env!("OUT_DIR"), "/subjects.rs"));
}

/// The descriptors of the contract and of all that it imports: an encoded `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));

#[cfg(feature = "constraints")]
#[allow(clippy::all, clippy::pedantic)]
mod constraints {
    // The checks are written for types in modules that are named like the package.
    mod stock {
        pub mod allocation {
            pub(crate) use crate::generated as v1;
        }
    }
    include!(concat!(env!("OUT_DIR"), "/validate_impl.rs"));
}
#[cfg(feature = "constraints")]
pub use prost_protovalidate::{Validate, ValidationError, Violation};
