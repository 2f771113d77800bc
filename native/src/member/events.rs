//! What happens to an identifier, whoever has it: deliveries, stop lists, confirmation, clicks,
//! applications, communities and bots.
//!
//! Events come late and in any order. For each thing that is recorded, the time of the event
//! decides: an older one than what is recorded changes nothing, one of the same second counts as
//! newer.

use crate::address::type_name;
use crate::fault::{Fault, Result};
use crate::wire::storage::{HeadRecord, MembershipRecord, Stamp, StopRecord};
use crate::wire::v1::head_event::Event as Happened;
use crate::wire::v1::{
    AddressType, BotKind, CommunityKind, ErrorReason, HeadDeliveryFailed, HeadStop, MobileOs,
    StopType,
};

/// Bytes of the description of a delivery error: the first lines of what a mail server says.
const ERROR_TEXT_BYTES_MAX: usize = 1_000;
/// Bytes of a sender: as the longest e-mail address.
const SENDER_BYTES_MAX: usize = 254;
/// Stop entries of one head; as many lifted ones are remembered besides.
pub const STOPS_PER_HEAD_MAX: usize = 100;
/// Communities or bots of one head.
pub const MEMBERSHIPS_PER_HEAD_MAX: usize = 1_000;
/// The time zones that there are, in minutes from UTC.
const UTC_OFFSETS_MINUTES: std::ops::RangeInclusive<i32> = -720..=840;
/// How far the clock of a sender may be ahead: over that its events would hide true ones for long.
const AHEAD_SECONDS_MAX: i64 = 24 * 60 * 60;

/// One checked event.
#[derive(Debug)]
pub struct Event {
    /// When it happened; 0 is the moment of the call.
    time_seconds: i64,
    /// The IP address of the original request; empty is that of the call.
    source: String,
    /// What happened.
    what: What,
}

/// What happened.
#[derive(Debug)]
enum What {
    Delivered,
    DeliveryFailed(HeadDeliveryFailed),
    ErrorsCleared,
    Stop {
        kind: StopType,
        sender: String,
        lifted: bool,
    },
    Confirmed,
    /// A click or an opened message with its time zone, if that counts.
    Active(Option<i32>),
    PushRegistered(MobileOs, u64),
    Community(u64, CommunityKind),
    Bot(u64, BotKind),
}

impl Event {
    /// Checks what needs no store.
    pub fn compile(time_seconds: i64, source: &str, happened: &Happened) -> Result<Self> {
        if time_seconds < 0 {
            return Err(Fault::invalid("events.time_seconds", "must not be negative"));
        }
        Ok(Self { time_seconds, source: source.to_owned(), what: What::compile(happened)? })
    }

    /// Whether it makes a record for an identifier that was never seen.
    pub fn makes_head(&self) -> bool {
        matches!(self.what, What::Stop { .. })
    }

    /// Changes the state of a head; a fault leaves it in between, so that it must be a copy.
    pub fn apply(&self, head: &mut HeadRecord, call: &Stamp) -> Result<()> {
        if self.time_seconds > call.time_seconds.saturating_add(AHEAD_SECONDS_MAX) {
            let problem = "is more than a day ahead; look at the clock of the sender";
            return Err(Fault::invalid("events.time_seconds", problem));
        }
        self.check_type(head)?;
        let time = if self.time_seconds == 0 { call.time_seconds } else { self.time_seconds };
        let host = if self.source.is_empty() { &call.host } else { &self.source };
        let stamp = Stamp { time_seconds: time, host: host.clone() };
        match &self.what {
            What::Delivered => delivered(head, time),
            What::DeliveryFailed(failure) => delivery_failed(head, time, failure),
            What::ErrorsCleared => errors_cleared(head, time),
            What::Stop { kind, sender, lifted } => stop(head, stamp, *kind, sender, *lifted)?,
            What::Confirmed => confirmed(head, stamp),
            What::Active(Some(offset)) if time >= head.active_seconds => {
                head.active_seconds = time;
                head.utc_offset_minutes = Some(*offset);
            }
            What::PushRegistered(os, app) if time >= head.mobile_seconds => {
                head.mobile_seconds = time;
                head.mobile_os = *os as u32;
                head.mobile_app = *app;
            }
            What::Active(_) | What::PushRegistered(..) => {}
            What::Community(number, kind) => later(date(membership(head, *number)?, *kind), time),
            What::Bot(number, kind) => later(bot_date(membership(head, *number)?, *kind), time),
        }
        Ok(())
    }

    fn check_type(&self, head: &HeadRecord) -> Result<()> {
        let (event, kinds): (&str, &[AddressType]) = match self.what {
            What::PushRegistered(..) => ("push_registered", &[AddressType::Pushapp]),
            What::Community(..) => ("community", &[AddressType::Vk]),
            What::Bot(..) => ("bot", &[AddressType::Tg, AddressType::Max]),
            _ => return Ok(()),
        };
        let kind = AddressType::try_from(i32::try_from(head.r#type).unwrap_or_default());
        let kind = kind.unwrap_or_default();
        if kinds.contains(&kind) {
            return Ok(());
        }
        let message = "Heads of this type do not have this event.";
        Err(Fault::new(ErrorReason::HeadEventUnfit, message)
            .with("type", type_name(kind))
            .with("event", event))
    }
}

impl What {
    fn compile(happened: &Happened) -> Result<Self> {
        let stop = |stop: &HeadStop, kind, lifted| {
            let sender = stop.sender.trim().to_lowercase();
            let bytes = stop.sender.len().max(sender.len());
            if bytes > SENDER_BYTES_MAX {
                return Err(Fault::limit("events.sender", SENDER_BYTES_MAX, bytes));
            }
            Ok(Self::Stop { kind, sender, lifted })
        };
        Ok(match happened {
            Happened::Delivered(_) => Self::Delivered,
            Happened::DeliveryFailed(failure) if failure.text.len() > ERROR_TEXT_BYTES_MAX => {
                let bytes = failure.text.len();
                return Err(Fault::limit("events.text", ERROR_TEXT_BYTES_MAX, bytes));
            }
            Happened::DeliveryFailed(failure) => Self::DeliveryFailed(failure.clone()),
            Happened::ErrorsCleared(_) => Self::ErrorsCleared,
            Happened::Unsubscribed(entry) => stop(entry, StopType::Member, false)?,
            Happened::Resubscribed(entry) => stop(entry, StopType::Member, true)?,
            Happened::Listed(entry) => stop(entry, StopType::Owner, false)?,
            Happened::Unlisted(entry) => stop(entry, StopType::Owner, true)?,
            Happened::Confirmed(_) => Self::Confirmed,
            Happened::Clicked(activity) | Happened::Read(activity) => {
                let offset = activity.utc_offset_minutes;
                if offset.is_some_and(|minutes| !UTC_OFFSETS_MINUTES.contains(&minutes)) {
                    let problem = "is no time zone that there is";
                    return Err(Fault::invalid("events.utc_offset_minutes", problem));
                }
                Self::Active(offset.filter(|_| !activity.robot))
            }
            Happened::PushRegistered(push) => {
                let os = MobileOs::try_from(push.os).unwrap_or_default();
                if os == MobileOs::Unspecified {
                    return Err(Fault::invalid("events.os", "is not a known operating system"));
                }
                Self::PushRegistered(os, required("events.app", push.app)?)
            }
            Happened::Community(community) => {
                let kind = CommunityKind::try_from(community.kind).unwrap_or_default();
                if kind == CommunityKind::Unspecified {
                    return Err(Fault::invalid("events.kind", "is not a known kind"));
                }
                Self::Community(required("events.community", community.community)?, kind)
            }
            Happened::Bot(bot) => {
                let kind = BotKind::try_from(bot.kind).unwrap_or_default();
                if kind == BotKind::Unspecified {
                    return Err(Fault::invalid("events.kind", "is not a known kind"));
                }
                Self::Bot(required("events.bot", bot.bot)?, kind)
            }
        })
    }
}

fn required(field: &str, number: u64) -> Result<u64> {
    if number == 0 { Err(Fault::required(field)) } else { Ok(number) }
}

/// seed 002: date and text of the last error go with the first delivery, and the count is 0 then.
fn delivered(head: &mut HeadRecord, time: i64) {
    later(&mut head.delivered_seconds, time);
    if time >= head.failed_seconds {
        head.error_seconds = 0;
        head.error_text.clear();
        head.error_count = 0;
    }
}

fn delivery_failed(head: &mut HeadRecord, time: i64, failure: &HeadDeliveryFailed) {
    if time < head.cleared_seconds {
        return;
    }
    if failure.fatal {
        if !head.error_lock {
            head.error_lock = true;
            head.lock_issue = failure.issue;
            head.lock_letter = failure.letter;
        }
        later(&mut head.lock_seconds, time);
    }
    let counts = time >= head.delivered_seconds;
    let repeated = time == head.error_seconds
        && (head.error_issue, head.error_letter) == (failure.issue, failure.letter)
        && head.error_text == failure.text;
    if counts && !repeated {
        head.error_count = head.error_count.saturating_add(1);
    }
    if time >= head.failed_seconds {
        head.failed_seconds = time;
        head.error_issue = failure.issue;
        head.error_letter = failure.letter;
        if counts {
            head.error_seconds = time;
            head.error_text.clone_from(&failure.text);
        }
    }
}

/// seed 002, email.cleanerror: records of errors go, and with them the lock.
fn errors_cleared(head: &mut HeadRecord, time: i64) {
    later(&mut head.cleared_seconds, time);
    if time >= head.failed_seconds {
        forget_errors(head);
    }
    if time >= head.lock_seconds {
        lift_lock(head);
    }
}

/// Removes all errors and their lock, whatever their times: a caller who sees them wants it. Where
/// there are none nothing changes, not even when that was.
pub fn clear_errors(head: &mut HeadRecord, now_seconds: i64) {
    let mut cleared = head.clone();
    forget_errors(&mut cleared);
    lift_lock(&mut cleared);
    if cleared != *head {
        later(&mut cleared.cleared_seconds, now_seconds);
        *head = cleared;
    }
}

fn forget_errors(head: &mut HeadRecord) {
    head.failed_seconds = 0;
    head.error_seconds = 0;
    head.error_text.clear();
    head.error_count = 0;
    head.error_issue = 0;
    head.error_letter = 0;
}

fn lift_lock(head: &mut HeadRecord) {
    head.error_lock = false;
    head.lock_seconds = 0;
    head.lock_issue = 0;
    head.lock_letter = 0;
}

fn stop(
    head: &mut HeadRecord,
    stamp: Stamp,
    kind: StopType,
    sender: &str,
    lifted: bool,
) -> Result<()> {
    let known = |stop: &StopRecord| stop.r#type == kind as u32 && stop.sender == sender;
    let position = head.stops.iter().position(known);
    let before = position.map(|position| &head.stops[position]);
    if before.is_some_and(|stop| stamp.time_seconds < stop.time_seconds) {
        return Ok(());
    }
    let was_listed = before.is_some_and(|stop| !stop.lifted);
    let count = head.stops.iter().filter(|stop| !stop.lifted).count();
    if !lifted && !was_listed && count >= STOPS_PER_HEAD_MAX {
        return Err(Fault::limit("head.stops", STOPS_PER_HEAD_MAX, count + 1));
    }
    let record = StopRecord {
        r#type: kind as u32,
        sender: sender.to_owned(),
        time_seconds: stamp.time_seconds,
        source: stamp.host,
        lifted,
    };
    match position {
        Some(position) => head.stops[position] = record,
        None => head.stops.push(record),
    }
    forget_oldest_lifted(&mut head.stops);
    Ok(())
}

/// Puts a head on the subscriber's global stop list or takes it off; where it stands so already,
/// nothing changes.
pub fn set_subscribed(head: &mut HeadRecord, takes: bool, now_seconds: i64) {
    let mut own = head.stops.iter_mut();
    let known = own.find(|stop| stop.r#type == StopType::Member as u32 && stop.sender.is_empty());
    match known {
        Some(stop) if stop.lifted != takes => {
            stop.lifted = takes;
            // A late event of what was before must not undo it.
            stop.time_seconds = stop.time_seconds.max(now_seconds);
        }
        None if !takes => head.stops.push(StopRecord {
            r#type: StopType::Member as u32,
            time_seconds: now_seconds,
            ..Default::default()
        }),
        Some(_) | None => {}
    }
}

/// Refuses a head with too many entries in stop lists.
pub fn check_stops(head: &HeadRecord) -> Result<()> {
    let count = head.stops.iter().filter(|stop| !stop.lifted).count();
    if count > STOPS_PER_HEAD_MAX {
        return Err(Fault::limit("head.stops", STOPS_PER_HEAD_MAX, count));
    }
    Ok(())
}

/// What was lifted is remembered for the sake of late events only, hence not without end.
fn forget_oldest_lifted(stops: &mut Vec<StopRecord>) {
    let lifted = || stops.iter().enumerate().filter(|(_, stop)| stop.lifted);
    if lifted().count() > STOPS_PER_HEAD_MAX
        && let Some((oldest, _)) = lifted().min_by_key(|(_, stop)| stop.time_seconds)
    {
        stops.remove(oldest);
    }
}

/// A confirmation of an earlier entry into the base does not confirm the present one.
fn confirmed(head: &mut HeadRecord, stamp: Stamp) {
    let last = head.confirm.as_ref().map_or(0, |last| last.time_seconds);
    let waits_since = if head.confirm_lock { head.confirm_lock_seconds } else { 0 };
    if stamp.time_seconds >= last.max(waits_since) {
        head.confirm_lock = false;
        head.confirm = Some(stamp);
    }
}

fn membership(head: &mut HeadRecord, number: u64) -> Result<&mut MembershipRecord> {
    let count = head.memberships.len();
    if count >= MEMBERSHIPS_PER_HEAD_MAX && !head.memberships.contains_key(&number) {
        return Err(Fault::limit("head.memberships", MEMBERSHIPS_PER_HEAD_MAX, count + 1));
    }
    Ok(head.memberships.entry(number).or_default())
}

fn date(record: &mut MembershipRecord, kind: CommunityKind) -> &mut i64 {
    match kind {
        CommunityKind::Unspecified | CommunityKind::Subscribed => &mut record.subscribed_seconds,
        CommunityKind::Joined => &mut record.joined_seconds,
        CommunityKind::Unsubscribed => &mut record.unsubscribed_seconds,
        CommunityKind::Left => &mut record.left_seconds,
        CommunityKind::Error => &mut record.failed_seconds,
    }
}

fn bot_date(record: &mut MembershipRecord, kind: BotKind) -> &mut i64 {
    match kind {
        BotKind::Unspecified | BotKind::Subscribed => &mut record.subscribed_seconds,
        BotKind::Unsubscribed => &mut record.unsubscribed_seconds,
        BotKind::Error => &mut record.failed_seconds,
    }
}

fn later(date: &mut i64, time: i64) {
    *date = (*date).max(time);
}

/// A head as a member gets it: what belongs to the identifier itself stays as it is now, all that
/// belongs to being the member's head is as given.
pub fn with_own_state(record: HeadRecord, current: HeadRecord) -> HeadRecord {
    HeadRecord {
        r#type: record.r#type,
        address: record.address,
        create: record.create,
        update: record.update,
        import_seconds: record.import_seconds,
        origin: record.origin,
        confirm_lock: record.confirm_lock,
        confirm_lock_seconds: record.confirm_lock_seconds,
        confirm: record.confirm,
        groups: record.groups,
        resource_ids: record.resource_ids,
        ..current
    }
}

/// A head as it was, brought back: what happened to the identifier since is kept.
pub fn brought_back(mut former: HeadRecord, current: HeadRecord) -> HeadRecord {
    let last = former.confirm.as_ref().map_or(0, |stamp| stamp.time_seconds);
    if let Some(stamp) = current.confirm.clone().filter(|stamp| stamp.time_seconds > last) {
        confirmed(&mut former, stamp);
    }
    with_own_state(former, current)
}
