//! The contracts of `proto/` as Rust types, and the one way to decode and encode them.

use bytes::Bytes;
use prost::Message;

use crate::fault::{Fault, Result};

/// The public contract, `proto/zmey/v1`.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes,
    reason = "generated from commented protos"
)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/zmey.v1.rs"));
}

/// The values on disk, `proto/zmey/storage/v1`.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes,
    reason = "generated from commented protos"
)]
pub mod storage {
    include!(concat!(env!("OUT_DIR"), "/zmey.storage.v1.rs"));
}

/// What the process and the core tell each other, `proto/zmey/internal/v1`.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes,
    reason = "generated from commented protos"
)]
pub mod internal {
    /// Its first version; nested like the package, because it refers to the public contract.
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/zmey.internal.v1.rs"));
    }
}

/// Decodes a request. Malformed protobuf and invalid UTF-8 are the caller's fault.
pub fn decode<M: Message + Default>(request: Bytes) -> Result<M> {
    M::decode(request).map_err(|error| {
        Fault::new(
            v1::ErrorReason::RequestMalformed,
            "The request is not a valid message of this method.",
        )
        .with("problem", error)
    })
}

/// Encodes an answer.
pub fn encode<M: Message>(answer: &M) -> Vec<u8> {
    answer.encode_to_vec()
}
