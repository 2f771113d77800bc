//! The system keys `member` and `-group` of seed 002: what a reader sees of a head and its body,
//! and the few changes that a caller may make through them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::address::type_name;
use crate::datakey::Reserved;
use crate::fault::Fault;
use crate::json;
use crate::member::read::{wire_head, wire_stamp};
use crate::wire::storage::{BodyRecord, HeadRecord, Stamp};
use crate::wire::v1::{AddressType, DatakeyChange, DatakeyMode, ErrorReason, HeadState};

/// Bits of `member.haslock` (seed 002).
const LOCK_UNCONFIRMED: u32 = 2;
const LOCK_ERRORS: u32 = 4;

/// Bytes of a group id; ids are short codes.
const GROUP_ID_BYTES_MAX: usize = 128;
/// List groups of one head.
const GROUPS_PER_HEAD_MAX: usize = 1_000;

/// A change of a head that a caller makes through a system key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadChange {
    /// `-group.ID` set "1".
    JoinGroup(String),
    /// `-group.ID` delete.
    LeaveGroup(String),
    /// `member.error.error` delete.
    ClearErrors,
    /// `member.lockconfirm` set "1".
    RequireConfirmation,
    /// `member.origin` set to a number.
    Origin(u32),
}

impl HeadChange {
    /// What a change of a system key asks for: `None` where it is ignored, a fault where seed 002
    /// says that it fails.
    pub fn compile(change: &DatakeyChange, reserved: &Reserved<'_>) -> Result<Option<Self>, Fault> {
        let sets_one = change.mode() == DatakeyMode::Set && is_one(&change.value);
        let deletes = change.mode() == DatakeyMode::Delete;
        let refused = |message: &str| {
            Err(Fault::new(ErrorReason::DatakeyReserved, message).with("path", &change.path))
        };
        match reserved {
            Reserved::Group(Some(id)) if id.len() > GROUP_ID_BYTES_MAX => {
                Err(Fault::limit("group_id", GROUP_ID_BYTES_MAX, id.len()))
            }
            Reserved::Group(Some(id)) => match (sets_one, deletes) {
                (true, _) => Ok(Some(Self::JoinGroup(id.to_string()))),
                (_, true) => Ok(Some(Self::LeaveGroup(id.to_string()))),
                _ => refused("-group.ID takes mode set with \"1\", or mode delete."),
            },
            Reserved::Group(None) => Ok(None),
            Reserved::Member(path) => match *path {
                "error.error" if deletes => Ok(Some(Self::ClearErrors)),
                "error.error" => refused("member.error.error takes mode delete only."),
                "lockconfirm" if sets_one => Ok(Some(Self::RequireConfirmation)),
                "lockconfirm" => refused("member.lockconfirm takes mode set with \"1\" only."),
                "origin" => match origin_number(change) {
                    Some(number) => Ok(Some(Self::Origin(number))),
                    None => refused("member.origin takes mode set with the number of an origin."),
                },
                _ => Ok(None),
            },
        }
    }

    /// Refuses a head that has too much after its changes.
    pub fn check(head: &HeadRecord) -> Result<(), Fault> {
        if head.groups.len() > GROUPS_PER_HEAD_MAX {
            return Err(Fault::limit("groups", GROUPS_PER_HEAD_MAX, head.groups.len()));
        }
        Ok(())
    }

    /// Makes the change.
    pub fn apply(&self, head: &mut HeadRecord, now_seconds: i64) {
        match self {
            Self::JoinGroup(id) => {
                head.groups.entry(id.clone()).or_insert(now_seconds);
            }
            Self::LeaveGroup(id) => {
                head.groups.remove(id);
            }
            Self::ClearErrors => {
                head.error_lock = false;
                head.error_count = 0;
                head.error_seconds = 0;
                head.error_text.clear();
            }
            Self::RequireConfirmation => head.confirm_lock = true,
            Self::Origin(number) => head.origin = *number,
        }
    }
}

/// "1" as a JSON string, or the number 1.
fn is_one(value: &[u8]) -> bool {
    matches!(value.trim_ascii(), b"1" | b"\"1\"")
}

fn origin_number(change: &DatakeyChange) -> Option<u32> {
    if change.mode() != DatakeyMode::Set {
        return None;
    }
    let text = std::str::from_utf8(change.value.trim_ascii()).ok()?;
    let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Writes the members of a JSON object one after another.
struct ObjectWriter<'a> {
    out: &'a mut String,
    zone: &'a TimeZone,
    first: bool,
}

impl<'a> ObjectWriter<'a> {
    fn open(out: &'a mut String, zone: &'a TimeZone) -> Self {
        out.push('{');
        Self { out, zone, first: true }
    }

    fn key(&mut self, key: &str) {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        json::quote(key, self.out);
        self.out.push(':');
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        json::quote(value, self.out);
    }

    fn number(&mut self, key: &str, value: impl std::fmt::Display) {
        self.key(key);
        self.out.push_str(&value.to_string());
    }

    /// A time of seed 002's format Ys, in the zone of the space; nothing where it never was.
    fn time(&mut self, key: &str, seconds: i64) {
        if seconds != 0 {
            let text = format_time(seconds, self.zone, "%Y-%m-%d %H:%M:%S");
            self.text(key, &text);
        }
    }

    fn object(&mut self, key: &str, write: impl FnOnce(&mut ObjectWriter<'_>)) {
        self.key(key);
        let mut inner = ObjectWriter::open(self.out, self.zone);
        write(&mut inner);
        inner.close();
    }

    fn stamp(&mut self, key: &str, stamp: Option<&Stamp>) {
        self.object(key, |inner| {
            if let Some(stamp) = stamp {
                inner.time("time", stamp.time_seconds);
                if !stamp.host.is_empty() {
                    inner.text("host", &stamp.host);
                }
            }
        });
    }

    fn close(self) {
        self.out.push('}');
    }
}

/// The value of system key `member` for one head of a body (seed 002).
pub fn member_record(
    body: &BodyRecord,
    contact: u64,
    head: &HeadRecord,
    head_id: u64,
    zone: &TimeZone,
) -> String {
    let mut out = String::new();
    let mut object = ObjectWriter::open(&mut out, zone);
    object.stamp("create", body.create.as_ref());
    object.stamp("update", body.update.as_ref());
    object.object("import", |inner| inner.time("time", body.import_seconds));
    object.number("dataset", contact);
    write_head(&mut object, head, head_id);
    object.close();
    out
}

/// The record of one head in `GetDataset` (seed 002, member.get dataset).
pub fn head_record(contact: u64, head: &HeadRecord, head_id: u64, zone: &TimeZone) -> String {
    let mut out = String::new();
    let mut object = ObjectWriter::open(&mut out, zone);
    object.number("id", head_id);
    object.number("dataset", contact);
    write_head_state(&mut object, head);
    object.stamp("create", head.create.as_ref());
    object.stamp("update", head.update.as_ref());
    object.object("import", |inner| inner.time("time", head.import_seconds));
    object.key("-group");
    object.out.push_str(&group_record(head, zone));
    object.close();
    out
}

/// A head with its state as `HeadService` shows it.
pub fn head_state(id: u64, head: &HeadRecord) -> HeadState {
    HeadState {
        head: Some(wire_head(id, head)),
        domain: domain(head).unwrap_or_default().to_owned(),
        origin: head.origin,
        haslock: haslock(head),
        create: head.create.as_ref().map(wire_stamp),
        update: head.update.as_ref().map(wire_stamp),
        import_seconds: head.import_seconds,
        confirm: head.confirm.as_ref().map(wire_stamp),
        error_count: head.error_count,
        error_seconds: head.error_seconds,
        error_text: head.error_text.clone(),
        groups: head.groups.clone(),
        resource_ids: head.resource_ids.clone(),
    }
}

/// `member.haslock` of seed 002.
fn haslock(head: &HeadRecord) -> u32 {
    let unconfirmed = if head.confirm_lock { LOCK_UNCONFIRMED } else { 0 };
    let errors = if head.error_lock { LOCK_ERRORS } else { 0 };
    unconfirmed | errors
}

/// The domain of an e-mail.
fn domain(head: &HeadRecord) -> Option<&str> {
    let is_email = head.r#type == AddressType::Email as u32;
    head.address.rsplit_once('@').filter(|_| is_email).map(|(_, domain)| domain)
}

/// The value of pseudo-key `-group` for one head: list groups with the time of joining.
pub fn group_record(head: &HeadRecord, zone: &TimeZone) -> String {
    let mut out = String::new();
    let mut object = ObjectWriter::open(&mut out, zone);
    for (id, &seconds) in &head.groups {
        // seed 002: the precision is a day, written as a time for the sake of later changes.
        object.text(id, &format_time(seconds, zone, "%Y-%m-%d 00:00:00"));
    }
    object.close();
    out
}

fn write_head(object: &mut ObjectWriter<'_>, head: &HeadRecord, head_id: u64) {
    object.number("id", head_id);
    write_head_state(object, head);
}

fn write_head_state(object: &mut ObjectWriter<'_>, head: &HeadRecord) {
    let kind = AddressType::try_from(i32::try_from(head.r#type).unwrap_or_default());
    let kind = kind.unwrap_or_default();
    object.text("addr_type", type_name(kind));
    object.text("email", &head.address);
    if let Some(domain) = domain(head) {
        object.text("domain", domain);
    }
    if head.origin != 0 {
        object.number("origin", head.origin);
    }
    object.number("haslock", haslock(head));
    object.object("confirm", |inner| {
        inner.number("lock", u8::from(head.confirm_lock));
        if let Some(stamp) = &head.confirm {
            inner.time("time", stamp.time_seconds);
            if !stamp.host.is_empty() {
                inner.text("host", &stamp.host);
            }
        }
    });
    object.object("error", |inner| {
        inner.number("lock", u8::from(head.error_lock));
        inner.time("date", head.error_seconds);
        if !head.error_text.is_empty() {
            inner.text("str", &head.error_text);
        }
        inner.number("error", head.error_count);
    });
    object.number("lockremove", 0);
}

/// A Unix time on the clock of a time zone.
fn format_time(seconds: i64, zone: &TimeZone, format: &str) -> String {
    let timestamp = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    timestamp.to_zoned(zone.clone()).strftime(format).to_string()
}
