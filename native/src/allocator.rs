//! The allocator of the whole process. Batches are made on one thread and dropped on another, which
//! the system's allocator does slowly.

use libmimalloc_sys::{mi_option_set_default, mi_option_t};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc, which the binding does not name.
const PURGE_DELAY: mi_option_t = 15;

/// How long freed memory is kept for reuse. The second that mimalloc would wait is several commits
/// of an import, whose memory would add up; much less would ask the system for the same pages
/// again.
const PURGE_DELAY_MS: std::ffi::c_long = 50;

/// Sets what the allocator does by default; an operator's `MIMALLOC_PURGE_DELAY` wins.
pub fn set_up() {
    // SAFETY: the option is a plain number that the allocator reads when it frees memory.
    unsafe { mi_option_set_default(PURGE_DELAY, PURGE_DELAY_MS) }
}
