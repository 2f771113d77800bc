//! The one moment of a call or an import, in the time zone of the space.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// What `current` means.
#[derive(Debug, Clone)]
pub struct Moment {
    /// When the call or the import began.
    pub now: Timestamp,
    /// The time zone of the space.
    pub zone: TimeZone,
}

impl Moment {
    /// The moment on the clock of the space.
    pub fn local(&self) -> Zoned {
        self.now.to_zoned(self.zone.clone())
    }
}
