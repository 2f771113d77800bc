//! Why a text is no phone number of a subscriber.

/// Why a text is refused as a phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneFault {
    /// The text is not written like a phone number.
    NotANumber,
    /// No country code is known by which to read the number.
    CountryUnknown,
    /// The number is shorter than any of its numbering plan.
    TooShort,
    /// The number is longer than any of its numbering plan.
    TooLong,
    /// The numbering plan of this country code does not assign the number.
    NotInPlan {
        /// The country code of the number.
        country_code: u16,
    },
    /// The number has an extension: it reaches a switchboard, no subscriber.
    Extension,
}
