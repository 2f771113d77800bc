//! What makes a text no acceptable JSON document.

use std::fmt::{self, Display};

/// Why a document is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonProblem {
    /// The bytes are not UTF-8.
    NotUtf8,
    /// The text does not follow the grammar of RFC 8259.
    Syntax,
    /// An object has two members with one name.
    MemberRepeated,
    /// An escape names half of a surrogate pair.
    LoneSurrogate,
    /// Arrays and objects are nested deeper than is allowed.
    TooDeep,
}

/// A refused document: why, and at which byte of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonFault {
    /// Why.
    pub problem: JsonProblem,
    /// The byte of the input at which the problem was seen, from 0.
    pub offset_bytes: usize,
}

impl Display for JsonFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.problem {
            JsonProblem::NotUtf8 => "the text is not UTF-8",
            JsonProblem::Syntax => "the text is no JSON document",
            JsonProblem::MemberRepeated => "an object has two members with one name",
            JsonProblem::LoneSurrogate => "an escape is half of a surrogate pair",
            JsonProblem::TooDeep => "the document is nested too deep",
        };
        write!(formatter, "{problem} (byte {})", self.offset_bytes)
    }
}

impl std::error::Error for JsonFault {}
