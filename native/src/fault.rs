//! Every error that a caller can see: a reason from the contract, a sentence, details.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use prost::Message;

use crate::store::StoreError;
use crate::wire::v1::{self, ErrorReason};

/// The result of everything that may be the caller's fault.
pub type Result<T> = std::result::Result<T, Fault>;

/// The cause of a fault that says to prepare a job again.
const OUTDATED: &str = "the policy of the space changed before the turn of a job";

/// One error. Details hold what a program needs; neither details nor message hold personal data
/// beyond names of fields and numbers of members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What went wrong, for programs.
    pub reason: ErrorReason,
    /// What went wrong and what to do, for people.
    pub message: String,
    /// Names, values and limits in question, as documented at each reason in the contract.
    pub details: BTreeMap<String, String>,
    /// What the operator's log may say beyond that; never sent to a caller.
    pub cause: String,
}

impl Fault {
    /// A fault without details.
    pub fn new(reason: ErrorReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), details: BTreeMap::new(), cause: String::new() }
    }

    /// A fault of the server itself; `cause` is for the operator's log only.
    pub fn internal(cause: impl Display) -> Self {
        let fault = Self::new(ErrorReason::Internal, "Internal error.");
        Self { cause: cause.to_string(), ..fault }
    }

    /// What the writer answers a job that was prepared by a policy which changed before its turn.
    /// No caller sees it: the call is prepared again.
    pub fn outdated() -> Self {
        Self::internal(OUTDATED)
    }

    /// Whether this is `outdated`.
    pub fn is_outdated(&self) -> bool {
        self.reason == ErrorReason::Internal && self.cause == OUTDATED
    }

    /// Whether the same change may be done later, without anybody having changed it.
    pub fn may_pass(&self) -> bool {
        matches!(self.reason, ErrorReason::FieldBuilding | ErrorReason::Internal)
    }

    /// Adds one detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        self.details.insert(name.to_owned(), value.to_string());
        self
    }

    /// The fault of a value over a documented bound.
    pub fn limit(limit: &str, max: usize, actual: usize) -> Self {
        Self::new(
            ErrorReason::LimitExceeded,
            format!("{limit} is {actual}; at most {max} are allowed."),
        )
        .with("limit", limit)
        .with("max", max)
        .with("actual", actual)
    }

    /// The fault of a field that is missing.
    pub fn required(field: &str) -> Self {
        Self::new(ErrorReason::FieldRequired, format!("{field} is required.")).with("field", field)
    }

    /// The fault of a field outside its range; `problem` completes "`field` …".
    pub fn invalid(field: &str, problem: &str) -> Self {
        Self::new(ErrorReason::FieldInvalid, format!("{field} {problem}.")).with("field", field)
    }

    /// The fault of two options that cannot be together.
    pub fn conflict(first: &str, second: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorReason::OptionsConflict, message).with("first", first).with("second", second)
    }

    /// The gRPC status code with which a whole call fails for this reason.
    pub fn code(&self) -> Code {
        code(self.reason)
    }

    /// The `google.rpc.Status` bytes of the trailer `grpc-status-details-bin`.
    pub fn status(&self) -> Vec<u8> {
        let info = ErrorInfo {
            reason: self.reason.as_str_name().to_owned(),
            domain: "zmey".to_owned(),
            metadata: self.details.clone(),
        };
        let details = vec![prost_any("google.rpc.ErrorInfo", &info)];
        Status { code: self.code() as i32, message: self.message.clone(), details }.encode_to_vec()
    }
}

/// Why one item of a batch failed: its own fault, or the store under all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The item is refused; its neighbours go on.
    Fault(Fault),
    /// The store failed; the whole batch ends.
    Store(StoreError),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.reason.as_str_name(), self.message)
    }
}

impl std::error::Error for Fault {}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full { map_bytes_max } => {
                Self::new(ErrorReason::StoreFull, "The store is full; delete data or let it grow.")
                    .with("map_bytes", map_bytes_max)
            }
            StoreError::ReadersFull { readers_max } => {
                Self::new(ErrorReason::StoreReadersFull, "Too many reads at once; try again.")
                    .with("readers_max", readers_max)
            }
            other => Self::internal(other),
        }
    }
}

impl From<Fault> for v1::Fault {
    fn from(fault: Fault) -> Self {
        Self { reason: fault.reason.into(), message: fault.message, details: fault.details }
    }
}

impl From<Fault> for v1::Warning {
    fn from(fault: Fault) -> Self {
        Self { reason: fault.reason.into(), message: fault.message, details: fault.details }
    }
}

/// The gRPC codes that zmey answers with; the numbers are gRPC's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, clippy::allow_attributes, reason = "the names are gRPC's own")]
pub enum Code {
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
}

/// The gRPC status code of a reason: the one place where reasons become codes. A new one does not
/// compile without its code.
#[expect(clippy::too_many_lines, reason = "a line for each reason, in one exhaustive match")]
pub fn code(reason: ErrorReason) -> Code {
    use ErrorReason as R;
    match reason {
        R::Unspecified | R::Internal => Code::Internal,
        R::MethodUnknown => Code::Unimplemented,
        R::DeadlineExceeded => Code::DeadlineExceeded,
        R::ShuttingDown | R::SourceUnreachable => Code::Unavailable,
        R::SpaceUnknown
        | R::MemberMissing
        | R::MemberNotRestorable
        | R::CopySourceMissing
        | R::ChangeUnknown
        | R::RequestUnknown
        | R::MergeUnknown
        | R::HeadUnknown
        | R::OriginUnknown
        | R::ErasureUnknown
        | R::UploadUnknown
        | R::SourceMissing
        | R::SourceSecretUnknown
        | R::ImportUnknown
        | R::ExpressListUnknown
        | R::ImportSheetUnknown => Code::NotFound,
        R::Overloaded
        | R::StoreFull
        | R::StoreReadersFull
        | R::FieldSearchTooBroad
        | R::FileTooLarge
        | R::ImportQueueFull => Code::ResourceExhausted,
        R::FieldValueTaken
        | R::MemberExists
        | R::ExternalIdTaken
        | R::HeadTaken
        | R::RequestIdReused
        | R::ExpressListExists
        | R::OriginLabelTaken => Code::AlreadyExists,
        R::Versioning | R::PolicyVersioning | R::ImportBusy => Code::Aborted,
        R::RevisionNotReached
        | R::MatchConflict
        | R::MatchKeyUnknown
        | R::MatchAmbiguous
        | R::MemberNeedsAddress
        | R::HeadLast
        | R::MergeSameMember
        | R::MergeUndone
        | R::RequestErased
        | R::MergeHeadsGone
        | R::MergeHeadChanged
        | R::MergeDatakeyChanged
        | R::HeadStayed
        | R::HeadEventUnfit
        | R::LocatorStayed
        | R::CsidSecond
        | R::DatakeyNotAnObject
        | R::DatakeyNotAnArray
        | R::DatakeyIndexInvalid
        | R::BodyTooLarge
        | R::FieldBuilding
        | R::FieldFailed
        | R::ImportNotOpened
        | R::UploadNotOpened
        | R::ImportChunkGap
        | R::SourceForbidden
        | R::SourceDenied
        | R::SourceTooLarge
        | R::SourceUntrusted
        | R::UnpackLimit
        | R::ImportNotEnded
        | R::ImportEnded
        | R::HeadElsewhere
        | R::DatakeyIncomplete
        | R::ImportFileChanged
        | R::ImportReportCut
        | R::ExpressListBusy
        | R::ConfirmationForced => Code::FailedPrecondition,
        R::RequestMalformed
        | R::FieldRequired
        | R::OperationNameInvalid
        | R::Base64Invalid
        | R::RequestFileInvalid
        | R::FieldInvalid
        | R::OptionsConflict
        | R::LimitExceeded
        | R::AddressTypeRequired
        | R::AddressEmpty
        | R::AddressTooLong
        | R::AddressNotDigits
        | R::AddressBlocked
        | R::AddressControlCharacter
        | R::EmailNoAt
        | R::EmailManyAt
        | R::EmailLocalEmpty
        | R::EmailLocalTooLong
        | R::EmailLocalCharacter
        | R::EmailLocalDot
        | R::EmailLocalQuote
        | R::EmailLocalNotAscii
        | R::EmailDomainEmpty
        | R::EmailDomainLabel
        | R::EmailDomainCharacter
        | R::EmailDomainTooLong
        | R::EmailDomainLiteral
        | R::EmailDomainNotAscii
        | R::EmailTldUnknown
        | R::PhoneNotANumber
        | R::PhoneCountryUnknown
        | R::PhoneTooShort
        | R::PhoneTooLong
        | R::PhoneNotInPlan
        | R::PhoneExtension
        | R::MatchKeysRequired
        | R::FieldNotDeclared
        | R::DatakeyPathInvalid
        | R::DatakeyModeUnknown
        | R::DatakeyTypeUnknown
        | R::DatakeyDateInvalid
        | R::DatakeyValueUnexpected
        | R::DatakeyWildcard
        | R::DatakeyReserved
        | R::JsonInvalid
        | R::JsonTooDeep
        | R::ImportCellsTooMany
        | R::CellNotUtf8
        | R::CellNotANumber
        | R::SourceUrlInvalid
        | R::SourceFileInvalid
        | R::CellNotText
        | R::ColumnUnknown
        | R::ImportShapeUnknown
        | R::ImportEmpty
        | R::ImportGuessed
        | R::ImportCharsetMisfit
        | R::ImportQuoteOpen
        | R::ImportQuoteStray
        | R::ImportRowInvalid
        | R::ImportNameUnknown
        | R::ImportColumnInvalid
        | R::ImportColumnGuessed
        | R::ImportColumnUnnamed
        | R::ImportKeyColumnMissing
        | R::ImportSheetError
        | R::ImportNumberInexact
        | R::ImportSpreadsheetInvalid => Code::InvalidArgument,
    }
}

/// `google.rpc.Status`; declared here because the core needs three messages of googleapis only.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.ErrorInfo`.
#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    metadata: BTreeMap<String, String>,
}

fn prost_any(name: &str, message: &impl Message) -> Any {
    Any { type_url: format!("type.googleapis.com/{name}"), value: message.encode_to_vec() }
}
