//! How many e-mails may come in without confirmation: a space takes some of them each month, all
//! others wait for confirmation (seed 002, member.import, newbie.confirm).

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::fault::Fault;
use crate::matching::decide::Keys;
use crate::member::View;
use crate::member::heads::Attachment;
use crate::store::StoreResult;
use crate::wire::storage::{HeadRecord, SpaceRecord};
use crate::wire::v1::{AddressType, ErrorReason, Warning};

const MONTHS_PER_YEAR: u32 = 12;

/// Lets those of the addresses wait for confirmation of which the space takes no more without; each
/// with a warning.
pub fn limit(
    view: &mut View<'_>,
    keys: Keys<'_>,
    now_seconds: i64,
    attachments: &mut [Attachment],
    warnings: &mut Vec<Warning>,
) -> StoreResult<()> {
    let space = keys.space;
    let free_max = space.limits.confirm_free_per_month;
    if free_max == 0 {
        return Ok(());
    }
    let record = view.space_record(space)?;
    let month = month_of_count(record, &space.zone, now_seconds);
    let members_max = space.limits.members;
    let (name, max, mut rest) = if members_max > 0 && record.members() > u64::from(members_max) {
        ("members_max", members_max, 0)
    } else {
        ("confirm_free_per_month_max", free_max, free_max.saturating_sub(used(record, month)))
    };
    for wish in attachments.iter_mut().filter(|wish| is_free(keys, wish)) {
        let known = view.address(keys.links[wish.entry]).map_or(0, |address| address.head_id);
        let counted = view.head(space.number, known)?.is_some_and(|head| is_counted(head, month));
        if counted {
            continue;
        }
        if rest > 0 {
            rest -= 1;
            continue;
        }
        wish.confirm = true;
        let message =
            "An e-mail comes in waiting for confirmation: the space takes no more without.";
        let fault = Fault::new(ErrorReason::ConfirmationForced, message);
        warnings.push(fault.with("limit", name).with("max", max).into());
    }
    Ok(())
}

/// Counts an e-mail that comes in without confirmation, once a month.
pub fn count(
    view: &mut View<'_>,
    keys: Keys<'_>,
    now_seconds: i64,
    wish: &Attachment,
    head: &mut HeadRecord,
) -> StoreResult<()> {
    let space = keys.space;
    if space.limits.confirm_free_per_month == 0 || !is_free(keys, wish) {
        return Ok(());
    }
    let month = month_of_count(view.space_record(space)?, &space.zone, now_seconds);
    if !is_counted(head, month) {
        head.confirm_free_month = month;
        let record = view.change_space(space.number);
        record.confirm_free = used(record, month) + 1;
        record.confirm_free_month = month;
    }
    Ok(())
}

fn is_free(keys: Keys<'_>, wish: &Attachment) -> bool {
    !wish.confirm && keys.book.kind(wish.entry) == AddressType::Email
}

fn is_counted(head: &HeadRecord, month: u32) -> bool {
    head.confirm_free_month == month
}

/// How many have come in within a month.
fn used(record: &SpaceRecord, month: u32) -> u32 {
    if record.confirm_free_month == month { record.confirm_free } else { 0 }
}

/// The month in which an e-mail counts: that of its moment, or the next one where that has begun.
/// An import keeps the moment of its start, and may not begin the old month again.
fn month_of_count(record: &SpaceRecord, zone: &TimeZone, now_seconds: i64) -> u32 {
    let month = month(zone, now_seconds);
    if record.confirm_free_month == month + 1 { month + 1 } else { month }
}

/// The months since the year 0 in the zone of a space.
fn month(zone: &TimeZone, now_seconds: i64) -> u32 {
    let moment = Timestamp::from_second(now_seconds).unwrap_or_default();
    let date = zone.to_datetime(moment);
    let (year, month) = (u32::try_from(date.year()), u32::try_from(date.month()));
    year.unwrap_or_default() * MONTHS_PER_YEAR + month.unwrap_or_default()
}
