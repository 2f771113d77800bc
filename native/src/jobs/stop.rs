//! Why an import does not begin, or does not go on.

use crate::fault::Fault;
use crate::wire::v1::ErrorReason;

/// Why it does not.
pub enum Stop {
    /// The import is at fault, or its file: it has failed.
    Failed(Fault),
    /// The store is, or is not ready: the job stays as it is and goes on when it is run again.
    Passing(Fault),
}

/// What comes of a part of an import.
pub type Ran<T> = std::result::Result<T, Stop>;

/// What a fault of the store or its writer means for the import.
pub fn stop(fault: Fault) -> Stop {
    match fault.reason {
        ErrorReason::FieldBuilding
        | ErrorReason::Internal
        | ErrorReason::Overloaded
        | ErrorReason::ShuttingDown
        | ErrorReason::StoreFull
        | ErrorReason::StoreReadersFull => Stop::Passing(fault),
        _ => Stop::Failed(fault),
    }
}
