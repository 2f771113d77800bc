//! What an operator decides, as it crosses the border from `zmey.config`.

/// The configuration of a core. Field names are those of the Python dataclass `CoreConfig`.
#[derive(Debug, Clone, Default)]
pub struct CoreConfig {
    /// The directory of the store; `None` keeps everything in memory.
    pub store_path: Option<String>,
    /// Bytes the store may occupy before its map grows for the first time.
    pub map_bytes_initial: u64,
    /// Bytes over which the store may never grow.
    pub map_bytes_max: u64,
    /// Read snapshots that may be open at once.
    pub readers_max: u32,
    /// Rows after which a commit takes no further batch.
    pub commit_rows_max: usize,
    /// Bytes of requests after which a commit takes no further batch.
    pub commit_bytes_max: usize,
    /// Bytes of chunks that one import stream may have waiting.
    pub import_window_bytes: usize,
    /// The spaces this server serves.
    pub spaces: Vec<SpaceConfig>,
}

/// One space; the twin of the Python dataclass `SpaceConfig`.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are options of a space, one by one")]
pub struct SpaceConfig {
    /// The number of the account, from 1.
    pub account_id: u32,
    /// The number of the database, from 1.
    pub db_id: u32,
    /// The region whose national phone spellings are understood, e.g. "RU"; empty for none.
    pub default_region: String,
    /// "valid" or "possible": how exact a phone number must be.
    pub phone_rule: String,
    /// Whether e-mail domains may be national.
    pub email_national_domains: bool,
    /// Whether e-mail local parts may be national.
    pub email_national_local_parts: bool,
    /// Values that never identify anybody: (address type or "*", values).
    pub blocked: Vec<(String, Vec<String>)>,
    /// The IANA name of the time zone in which dates are written.
    pub time_zone: String,
    /// Custom fields by which members may be found.
    pub fields: Vec<FieldConfig>,
    /// Whether e-mails are opaque stand-ins for addresses.
    pub email_substitutes: bool,
    /// Heads that a member may have; 0 for the default.
    pub heads_per_member_max: u32,
    /// Heads of single types that a member may have: (address type, heads).
    pub heads_per_type_max: Vec<(String, u32)>,
    /// Heads that one merge may move; 0 for the default.
    pub merge_heads_max: u32,
    /// Bytes of data that both members of a merge may have; 0 for the default.
    pub merge_bytes_max: u32,
    /// Days for which deleted members are kept; 0 for the default.
    pub retention_days: u32,
    /// Whether changes of members are refused that have changed since the call arrived.
    pub versioning: bool,
    /// E-mails that come in without confirmation in a month; 0 is no limit.
    pub confirm_free_per_month_max: u32,
    /// Members with whom e-mails come in without confirmation; 0 is no limit.
    pub members_max: u32,
}

/// One declared custom field; the twin of the Python dataclass `FieldConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldConfig {
    /// The datakey path.
    pub path: String,
    /// "string", "int" or "tags".
    pub kind: String,
    /// Whether a second member with the same value is refused.
    pub unique: bool,
}
