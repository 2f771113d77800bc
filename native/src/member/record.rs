//! What readers see of a head and its body: the system keys `member` and `-group` of seed 002, and
//! the same as a message. This is the one place that renders it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::address::type_name;
use crate::json;
use crate::member::read::{wire_head, wire_stamp};
use crate::wire::storage::{BodyRecord, HeadRecord, MembershipRecord, Stamp, StopRecord};
use crate::wire::v1::{
    AddressType, HeadState, Membership, MobileOs, StopEntry, StopType, StoplistForm,
};

/// Bits of `member.haslock` (seed 002).
const LOCK_STOPPED: u32 = 1;
const LOCK_UNCONFIRMED: u32 = 2;
const LOCK_ERRORS: u32 = 4;

/// What a reader wants in `member` besides.
#[derive(Debug, Default)]
pub struct Extras {
    /// What `member.stoplist` shows.
    pub stoplist: StoplistForm,
    /// The heads of `member.heads`, where they are wanted.
    pub heads: Option<Vec<(u64, HeadRecord)>>,
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

    fn number_unless_none(&mut self, key: &str, value: u64) {
        if value != 0 {
            self.number(key, value);
        }
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

    fn array<T>(
        &mut self,
        key: &str,
        items: impl Iterator<Item = T>,
        write: impl Fn(&mut ObjectWriter<'_>, T),
    ) {
        self.key(key);
        self.out.push('[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            let mut inner = ObjectWriter::open(self.out, self.zone);
            write(&mut inner, item);
            inner.close();
        }
        self.out.push(']');
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
    (head_id, head): (u64, &HeadRecord),
    extras: &Extras,
    zone: &TimeZone,
) -> String {
    let mut out = String::new();
    let mut object = ObjectWriter::open(&mut out, zone);
    object.stamp("create", body.create.as_ref());
    object.stamp("update", body.update.as_ref());
    object.object("import", |inner| inner.time("time", body.import_seconds));
    object.number("dataset", contact);
    object.number("id", head_id);
    write_state(&mut object, head);
    match extras.stoplist {
        StoplistForm::Unspecified => {}
        StoplistForm::Global => object.object("stoplist", |inner| write_global(inner, head)),
        StoplistForm::All => object.array("stoplist", listed(head), write_stop),
    }
    if let Some(heads) = &extras.heads {
        object.array("heads", heads.iter(), |inner, (id, head)| {
            write_record(inner, contact, *id, head);
            // seed 002, member.head.list: its own names of two of them.
            inner.number("has_lock", haslock(head));
            inner.number("lockerror", u8::from(head.error_lock));
        });
    }
    object.close();
    out
}

/// The record of one head in `GetDataset` (seed 002, member.get dataset).
pub fn head_record(contact: u64, head: &HeadRecord, head_id: u64, zone: &TimeZone) -> String {
    let mut out = String::new();
    let mut object = ObjectWriter::open(&mut out, zone);
    write_record(&mut object, contact, head_id, head);
    object.array("stoplist", listed(head), write_stop);
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
        error_issue: head.error_issue,
        error_letter: head.error_letter,
        lock_issue: head.lock_issue,
        lock_letter: head.lock_letter,
        lockremove: is_stopped(head),
        last_tz: head.utc_offset_minutes.map(hours_and_minutes),
        mobile_os: mobile_os(head).into(),
        mobile_app: head.mobile_app,
        stops: listed(head).map(wire_stop).collect(),
        memberships: head.memberships.iter().map(wire_membership).collect(),
    }
}

fn wire_stop(stop: &StopRecord) -> StopEntry {
    StopEntry {
        r#type: stop_type(stop).into(),
        sender: stop.sender.clone(),
        time_seconds: stop.time_seconds,
        source: stop.source.clone(),
    }
}

fn wire_membership((&number, record): (&u64, &MembershipRecord)) -> Membership {
    Membership {
        number,
        subscribed_seconds: record.subscribed_seconds,
        joined_seconds: record.joined_seconds,
        unsubscribed_seconds: record.unsubscribed_seconds,
        left_seconds: record.left_seconds,
        failed_seconds: record.failed_seconds,
    }
}

/// `member.haslock` of seed 002.
fn haslock(head: &HeadRecord) -> u32 {
    let locks = [
        (is_stopped(head), LOCK_STOPPED),
        (head.confirm_lock, LOCK_UNCONFIRMED),
        (head.error_lock, LOCK_ERRORS),
    ];
    locks.iter().filter(|(is_locked, _)| *is_locked).map(|(_, bit)| bit).sum()
}

/// Whether a head is unsubscribed or in a stop list: a sender's own stops this sender alone.
fn is_stopped(head: &HeadRecord) -> bool {
    listed(head).any(|stop| stop.sender.is_empty())
}

/// The entries in stop lists that were not lifted.
fn listed(head: &HeadRecord) -> impl Iterator<Item = &StopRecord> {
    head.stops.iter().filter(|stop| !stop.lifted)
}

fn stop_type(stop: &StopRecord) -> StopType {
    let kind = StopType::try_from(i32::try_from(stop.r#type).unwrap_or_default());
    kind.unwrap_or_default()
}

fn stop_type_name(stop: &StopRecord) -> &'static str {
    match stop_type(stop) {
        StopType::Owner => "owner",
        StopType::Unspecified | StopType::Member => "member",
    }
}

fn mobile_os(head: &HeadRecord) -> MobileOs {
    MobileOs::try_from(i32::try_from(head.mobile_os).unwrap_or_default()).unwrap_or_default()
}

/// An offset from UTC as seed 002 writes it: 90 minutes are 130.
fn hours_and_minutes(minutes: i32) -> i32 {
    minutes / 60 * 100 + minutes % 60
}

fn address_type(head: &HeadRecord) -> AddressType {
    let kind = AddressType::try_from(i32::try_from(head.r#type).unwrap_or_default());
    kind.unwrap_or_default()
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
    write_groups(&mut object, head);
    object.close();
    out
}

fn write_groups(object: &mut ObjectWriter<'_>, head: &HeadRecord) {
    for (id, &seconds) in &head.groups {
        // seed 002: the precision is a day, written as a time for the sake of later changes.
        let text = format_time(seconds, object.zone, "%Y-%m-%d 00:00:00");
        object.text(id, &text);
    }
}

/// Everything that is a head's own.
fn write_record(object: &mut ObjectWriter<'_>, contact: u64, head_id: u64, head: &HeadRecord) {
    object.number("id", head_id);
    object.number("dataset", contact);
    write_state(object, head);
    object.stamp("create", head.create.as_ref());
    object.stamp("update", head.update.as_ref());
    object.object("import", |inner| inner.time("time", head.import_seconds));
    object.object("-group", |inner| write_groups(inner, head));
}

fn write_state(object: &mut ObjectWriter<'_>, head: &HeadRecord) {
    object.text("addr_type", type_name(address_type(head)));
    object.text("email", &head.address);
    if let Some(domain) = domain(head) {
        object.text("domain", domain);
    }
    object.number_unless_none("origin", head.origin.into());
    object.object("last", |inner| {
        if let Some(minutes) = head.utc_offset_minutes {
            inner.number("tz", hours_and_minutes(minutes));
        }
    });
    let os = match mobile_os(head) {
        MobileOs::Unspecified => None,
        MobileOs::Android => Some("android"),
        MobileOs::Ios => Some("ios"),
        MobileOs::Huawei => Some("huawei"),
    };
    if let Some(os) = os {
        object.text("mobile_os", os);
    }
    object.number_unless_none("mobile_app", head.mobile_app);
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
        inner.number_unless_none("issue", head.error_issue);
        inner.number_unless_none("letter", head.error_letter);
        inner.number_unless_none("lock_issue", head.lock_issue);
        inner.number_unless_none("lock_letter", head.lock_letter);
    });
    object.number("lockremove", u8::from(is_stopped(head)));
    let kind = address_type(head);
    if matches!(kind, AddressType::Vk | AddressType::Tg | AddressType::Max) {
        object.object(type_name(kind), |inner| write_memberships(inner, head));
    }
}

/// What somebody did in each community or with each bot.
fn write_memberships(object: &mut ObjectWriter<'_>, head: &HeadRecord) {
    for (number, record) in &head.memberships {
        object.object(&number.to_string(), |inner| {
            inner.time("sub", record.subscribed_seconds);
            inner.time("member", record.joined_seconds);
            inner.time("unsub", record.unsubscribed_seconds);
            inner.time("left", record.left_seconds);
            inner.time("err", record.failed_seconds);
        });
    }
}

fn write_global(object: &mut ObjectWriter<'_>, head: &HeadRecord) {
    for stop in listed(head).filter(|stop| stop.sender.is_empty()) {
        object.object(stop_type_name(stop), |inner| write_stop_date(inner, stop));
    }
}

fn write_stop(object: &mut ObjectWriter<'_>, stop: &StopRecord) {
    write_stop_date(object, stop);
    object.text("type", stop_type_name(stop));
    object.text("sender", &stop.sender);
}

fn write_stop_date(object: &mut ObjectWriter<'_>, stop: &StopRecord) {
    object.time("dt", stop.time_seconds);
    object.text("source", &stop.source);
}

/// A Unix time on the clock of a time zone.
fn format_time(seconds: i64, zone: &TimeZone, format: &str) -> String {
    let timestamp = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    timestamp.to_zoned(zone.clone()).strftime(format).to_string()
}
