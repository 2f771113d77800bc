//! Random requests over few people, so that they meet each other all the time.

use _native::wire::v1::{
    Address, AddressType, AttachHeadRequest, BlockedValues, CopyMissing, CopySource, DataRule,
    DatakeyChange, DatakeyRule, DefineOriginRequest, DeleteMembersRequest, DeleteOriginRequest,
    DetachHeadRequest, EraseMemberRequest, FieldValue, GetDatasetRequest, GetMemberRequest,
    HeadActivity, HeadAttach, HeadBot, HeadCommunity, HeadConfirmed, HeadDelivered,
    HeadDeliveryFailed, HeadErrorsCleared, HeadEvent, HeadKey, HeadPushRegistered, HeadRule,
    HeadStop, KeyKind, MatchKeys, MatchPolicy, MemberChange, MemberKey, MergeMembersRequest,
    NormalizeRequest, OrderedKey, RecordHeadEventsRequest, ReplaceHeadRequest, ResolveBatchRequest,
    ResolveRequest, RestoreMemberRequest, Space, UnmergeMembersRequest, WriteOptions, copy_source,
    head_event::Event, head_key, member_key,
};
use _native::wire::v1::{CustomField, FindMembersRequest, MembersExistRequest, SpacePolicy};

use crate::random::Random;
use crate::support::{OTHER_SPACE, SPACE, address, set};

/// Identifiers in several spellings, with some that are refused.
const ADDRESSES: [(AddressType, &str); 26] = [
    (AddressType::Email, "anna@example.com"),
    (AddressType::Email, " Anna@Example.COM "),
    (AddressType::Email, "boris@пример.рф"),
    (AddressType::Email, "boris@xn--e1afmkfd.xn--p1ai"),
    (AddressType::Email, "carl@example.org"),
    (AddressType::Email, "test@test.com"),
    (AddressType::Email, "no at"),
    (AddressType::Unspecified, "dora@example.net"),
    (AddressType::Unspecified, "8 (912) 345-67-89"),
    (AddressType::Unspecified, "dora"),
    (AddressType::Msisdn, "+79123456789"),
    (AddressType::Msisdn, "8 912 345 67 80"),
    (AddressType::Msisdn, "12"),
    (AddressType::Viber, "+79123456789"),
    (AddressType::Csid, "A-1"),
    (AddressType::Csid, "a-1"),
    (AddressType::Csid, " A-2"),
    (AddressType::Csid, "null"),
    (AddressType::Vk, "1234567"),
    (AddressType::Tg, "-100500"),
    (AddressType::Vknotify, "89123456781"),
    (AddressType::Push, "LONG0"),
    (AddressType::Push, "LONG1"),
    (AddressType::Pushapp, "LONG0"),
    (AddressType::Max, "55"),
    (AddressType::Umid, "umid-1"),
];

/// A prefix that makes an address longer than keys hold plainly.
const LONG_BYTES: usize = 450;

const VALUES: [&str; 26] = [
    "null",
    "true",
    "1",
    "-0",
    "1.50",
    "18446744073709551616",
    "\"\"",
    "\"A\"",
    "\"B\"",
    "\"7\"",
    "\"x, y\"",
    "[\"x\",\"z\"]",
    "[]",
    "{}",
    "{\"id\":\"A\"}",
    "{\"b\":[1,2,{\"c\":null}]}",
    "[1,[2]]",
    " { \"b\" : 1 } ",
    "\"2026-05-29\"",
    "\"shop\"",
    "2",
    "\"current\"",
    "{\"b\":1,\"b\":2}",
    "[1,",
    "",
    "\"\\ud800\"",
];

const PATHS: [&str; 22] = [
    "name",
    "crm.id",
    "crm",
    "age",
    "tags",
    "tags[0]",
    "a.b",
    "a.b[0]",
    "a.b[-1]",
    "a.b[3].c",
    "a",
    "d\\.e",
    "-group.g1",
    "-group.g2",
    "member.error.error",
    "member.lockconfirm",
    "member.origin",
    "member.id",
    "-group",
    "a..b",
    "a.*",
    "a[70000]",
];

const READ_PATHS: [&str; 12] = [
    "*",
    "name",
    "crm.id",
    "a.*",
    "a.b[*]",
    "tags[-1]",
    "member.*",
    "-group",
    "member.id",
    "member.create.time",
    "missing",
    "a..b",
];

/// Labels of origins, with one that is none.
const LABELS: [&str; 5] = ["web form", "shop", " partner ", "почта", "77"];

/// Often none, else one that came before now and then.
pub fn request_id(random: &mut Random) -> String {
    (*random.pick(&REQUEST_IDS)).to_owned()
}

const REQUEST_IDS: [&str; 8] = ["", "", "", "", "r-1", "r-2", "r-3", "r-4"];

/// Spaces as requests name them; the last is not served.
pub fn space(random: &mut Random) -> Option<Space> {
    let unknown = Space { account_id: 9, db_id: 9 };
    let spaces = [Some(SPACE), Some(SPACE), Some(SPACE), Some(OTHER_SPACE), Some(unknown), None];
    let index = if random.once_in(20) { random.below(6) } else { random.below(4) };
    spaces[index]
}

pub fn any_address(random: &mut Random) -> Address {
    let &(kind, value) = random.pick(&ADDRESSES);
    let long = value.strip_prefix("LONG");
    let value = long.map_or(value.to_owned(), |end| "t".repeat(LONG_BYTES) + end);
    address(kind, &value)
}

/// One time in so many, a small number.
fn rarely(random: &mut Random, times: usize, below: usize) -> Option<u64> {
    random.once_in(times).then(|| random.below(below) as u64)
}

fn field_value(random: &mut Random) -> FieldValue {
    let good = [("crm.id", "A"), ("crm.id", "B"), ("age", "7"), ("age", "007")];
    let bad = [("undeclared", "A"), ("age", "A"), ("crm.id", ""), ("tags", "x, y"), ("tags", "z")];
    let (path, value) = if random.once_in(4) { *random.pick(&bad) } else { *random.pick(&good) };
    FieldValue { path: path.to_owned(), value: value.to_owned() }
}

/// Seldom none of something, else up to so many.
pub fn at_least_one<T>(
    random: &mut Random,
    max: usize,
    mut make: impl FnMut(&mut Random) -> T,
) -> Vec<T> {
    let mut some = random.some(max - 1, &mut make);
    if !random.once_in(12) {
        some.push(make(random));
    }
    some
}

pub fn keys(random: &mut Random) -> MatchKeys {
    let csid = ["A-1", "A-2", "A-3", "a-1", "null", " "];
    MatchKeys {
        contact_id: rarely(random, 6, 12),
        external_customer_id: random.once_in(4).then(|| (*random.pick(&csid)).to_owned()),
        locators: at_least_one(random, 3, any_address),
        fields: if random.once_in(5) { random.some(2, field_value) } else { Vec::new() },
        head_id: rarely(random, 9, 25),
        dataset_id: rarely(random, 9, 12),
        resource_id: random.once_in(5).then(|| u32::from(random.once_in(2))),
    }
}

pub fn policy(random: &mut Random) -> Option<MatchPolicy> {
    let step = |random: &mut Random| {
        let kind = if random.once_in(40) { 0 } else { 1 + enumerated(random, 6) };
        let is = |random: &mut Random, wanted: KeyKind| {
            (kind == wanted as i32 && random.once_in(2)) || random.once_in(60)
        };
        let of_type = is(random, KeyKind::Locator);
        OrderedKey {
            kind,
            locator_type: if of_type { enumerated(random, 12) } else { 0 },
            field_path: if is(random, KeyKind::Field) { "crm.id" } else { "" }.to_owned(),
        }
    };
    random.once_in(3).then(|| {
        let explicit = random.once_in(3);
        MatchPolicy {
            order: if explicit && !random.once_in(5) { 0 } else { enumerated(random, 4) },
            explicit_order: if explicit { random.some(4, step) } else { Vec::new() },
            on_deleted: enumerated(random, 3),
            strict: random.once_in(3),
        }
    })
}

/// A number of an enum with `known` members, seldom one that it does not have.
fn enumerated(random: &mut Random, known: usize) -> i32 {
    let number = if random.once_in(40) { known } else { random.below(known) };
    i32::try_from(number).expect("enums are small")
}

/// Half of the changes are simple, so that members come to hold something.
fn datakey(random: &mut Random) -> DatakeyChange {
    let simple = [("name", "\"A\""), ("crm.id", "\"B\""), ("age", "7"), ("tags", "\"x, y\"")];
    if random.once_in(2) {
        let (path, value) = *random.pick(&simple);
        return set(path, value);
    }
    let mode = enumerated(random, 18);
    let copies = mode >= 10 && !random.once_in(10);
    let empty = copies || mode == 9 && !random.once_in(10);
    let value = if empty { "" } else { random.pick(&VALUES) };
    let types = ["dt", "dt:YD", "int"];
    DatakeyChange {
        path: (*random.pick(&PATHS)).to_owned(),
        mode,
        value: value.to_owned().into(),
        r#type: if random.once_in(8) { random.pick(&types) } else { "" }.to_owned(),
        copy_path: if copies { (*random.pick(&PATHS)).to_owned() } else { String::new() },
    }
}

fn copy(random: &mut Random) -> Option<CopySource> {
    let source = match random.below(9) {
        0 => Some(copy_source::Source::Data(random.pick(&VALUES).as_bytes().into())),
        1..=3 => Some(copy_source::Source::Data(b"{\"a\":{\"b\":[1,2]},\"name\":0}"[..].into())),
        4..=7 => Some(copy_source::Source::Member(keys(random))),
        _ => None,
    };
    let missing = CopyMissing::try_from(enumerated(random, 4)).unwrap_or_default().into();
    random.once_in(5).then_some(CopySource { source, missing })
}

/// A rule for the data of two members; seldom a wrong one.
pub fn data_rule(random: &mut Random) -> DataRule {
    let key = |random: &mut Random| DatakeyRule {
        path: (*random.pick(&["name", "a.b", "a", "crm.id", "a.b[0]", "member.id"])).to_owned(),
        mode: enumerated(random, 6),
    };
    DataRule {
        level: random.once_in(2).then(|| u32::try_from(random.below(4)).expect("few levels")),
        has_miss: enumerated(random, 4),
        has_has: enumerated(random, 6),
        miss_has: enumerated(random, 3),
        keys: if random.once_in(3) { random.some(2, key) } else { Vec::new() },
    }
}

fn write_options(random: &mut Random) -> WriteOptions {
    WriteOptions {
        source: "192.0.2.7".to_owned(),
        expected_version: rarely(random, 20, 4),
        request_id: request_id(random),
        validate_only: false,
    }
}

fn head_key(random: &mut Random) -> HeadKey {
    let key = if random.once_in(4) {
        head_key::Key::HeadId(random.below(12) as u64)
    } else {
        head_key::Key::Address(any_address(random))
    };
    HeadKey { key: Some(key).filter(|_| !random.once_in(60)) }
}

pub fn attach_head(random: &mut Random) -> AttachHeadRequest {
    AttachHeadRequest {
        space: space(random),
        keys: Some(keys(random)),
        policy: policy(random),
        head: Some(any_address(random)),
        origin: if random.once_in(2) { 7 } else { 0 },
        newbie_confirm: random.once_in(2),
        options: Some(write_options(random)),
        origin_label: if random.once_in(3) { random.pick(&LABELS) } else { "" }.to_owned(),
    }
}

pub fn detach_head(random: &mut Random) -> DetachHeadRequest {
    DetachHeadRequest {
        space: space(random),
        head: Some(head_key(random)),
        split: random.once_in(2),
        options: Some(write_options(random)),
    }
}

pub fn replace_head(random: &mut Random) -> ReplaceHeadRequest {
    ReplaceHeadRequest {
        space: space(random),
        current: Some(head_key(random)),
        head: Some(any_address(random)),
        origin: 0,
        newbie_confirm: false,
        options: Some(write_options(random)),
        origin_label: if random.once_in(3) { random.pick(&LABELS) } else { "" }.to_owned(),
    }
}

/// Options of what is about no single body.
fn options_without_version(random: &mut Random) -> WriteOptions {
    WriteOptions { expected_version: None, ..write_options(random) }
}

/// What happened to somebody around the moment of the test's clock, in any order.
fn event(random: &mut Random) -> HeadEvent {
    let senders = ["", "", "news@example.com", " Shop "];
    let stop = HeadStop { sender: (*random.pick(&senders)).to_owned() };
    let number = random.below(4) as u64;
    let event = match random.below(15) {
        0 | 1 => Event::Delivered(HeadDelivered {}),
        2..=4 => Event::DeliveryFailed(HeadDeliveryFailed {
            text: (*random.pick(&["full", "host not found"])).to_owned(),
            issue: number,
            letter: 1,
            fatal: random.once_in(3),
        }),
        5 => Event::ErrorsCleared(HeadErrorsCleared {}),
        6 => Event::Unsubscribed(stop),
        7 => Event::Resubscribed(stop),
        8 => Event::Listed(stop),
        9 => Event::Unlisted(stop),
        10 => Event::Confirmed(HeadConfirmed {}),
        11 => Event::Clicked(HeadActivity {
            utc_offset_minutes: rarely(random, 2, 900)
                .map(|offset| i32::try_from(offset).expect("a small number")),
            robot: random.once_in(3),
        }),
        12 => Event::PushRegistered(HeadPushRegistered { os: enumerated(random, 4), app: number }),
        13 => Event::Community(HeadCommunity { community: number, kind: enumerated(random, 6) }),
        _ => Event::Bot(HeadBot { bot: number, kind: enumerated(random, 4) }),
    };
    let time_seconds = 1_780_000_000 + i64::try_from(random.below(200)).expect("a small number");
    HeadEvent {
        head: Some(head_key(random)),
        time_seconds: if random.once_in(5) { 0 } else { time_seconds },
        source: (*random.pick(&["", "192.0.2.8", "localhost"])).to_owned(),
        event: Some(event).filter(|_| !random.once_in(60)),
    }
}

pub fn record_events(random: &mut Random) -> RecordHeadEventsRequest {
    RecordHeadEventsRequest {
        space: space(random),
        events: at_least_one(random, 6, event),
        options: Some(options_without_version(random)),
    }
}

pub fn define_origin(random: &mut Random) -> DefineOriginRequest {
    DefineOriginRequest {
        space: space(random),
        number: rarely(random, 2, 9).map_or(0, |number| u32::try_from(number).expect("small")),
        label: (*random.pick(&LABELS)).to_owned(),
        options: Some(options_without_version(random)),
    }
}

pub fn delete_origin(random: &mut Random) -> DeleteOriginRequest {
    DeleteOriginRequest {
        space: space(random),
        number: u32::try_from(random.below(9)).expect("small"),
        options: Some(options_without_version(random)),
    }
}

pub fn merge(random: &mut Random) -> MergeMembersRequest {
    MergeMembersRequest {
        space: space(random),
        receiver: Some(keys(random)),
        source: Some(keys(random)),
        policy: policy(random),
        head_rule: enumerated(random, 5),
        data_rule: random.once_in(2).then(|| data_rule(random)),
        return_fresh: random.once_in(2),
        options: Some(write_options(random)),
    }
}

fn member_key(random: &mut Random) -> MemberKey {
    let key = match random.below(4) {
        0 => member_key::Key::HeadId(random.below(12) as u64),
        1 => member_key::Key::ContactId(1 + random.below(8) as u64),
        _ => member_key::Key::Address(any_address(random)),
    };
    MemberKey { key: Some(key).filter(|_| !random.once_in(60)) }
}

pub fn delete(random: &mut Random) -> DeleteMembersRequest {
    let mut options = write_options(random);
    options.expected_version = None;
    DeleteMembersRequest {
        space: space(random),
        members: at_least_one(random, 2, member_key),
        wipe: random.once_in(2),
        options: Some(options),
    }
}

pub fn restore(random: &mut Random) -> RestoreMemberRequest {
    let mut options = write_options(random);
    options.expected_version = None;
    RestoreMemberRequest {
        space: space(random),
        member: Some(member_key(random)),
        options: Some(options),
    }
}

pub fn erase(random: &mut Random) -> EraseMemberRequest {
    EraseMemberRequest {
        space: space(random),
        member: Some(member_key(random)),
        options: Some(write_options(random)),
    }
}

/// Undoes a merge that may be one.
pub fn unmerge(random: &mut Random, merge_id: u64) -> UnmergeMembersRequest {
    UnmergeMembersRequest { space: space(random), merge_id, options: Some(write_options(random)) }
}

/// How an identifier comes to a member.
pub fn head_rule(random: &mut Random) -> HeadRule {
    HeadRule {
        newbie: enumerated(random, 5),
        single: enumerated(random, 7),
        multi: enumerated(random, 7),
    }
}

pub fn change(random: &mut Random) -> MemberChange {
    let attach = |random: &mut Random| HeadAttach {
        head: Some(any_address(random)).filter(|_| !random.once_in(60)),
        newbie_confirm: random.once_in(2),
        head_rule: random.once_in(2).then(|| head_rule(random)),
        data_rule: random.once_in(2).then(|| data_rule(random)),
        resource_id: random.once_in(4).then_some(7),
    };
    let sources = ["", "192.0.2.1", "2001:db8::1"];
    MemberChange {
        keys: Some(keys(random)).filter(|_| !random.once_in(50)),
        policy: policy(random),
        if_exists: if random.once_in(4) { enumerated(random, 4) } else { 0 },
        datakeys: random.some(3, datakey),
        copy: copy(random),
        heads: if random.once_in(3) { random.some(2, attach) } else { Vec::new() },
        newbie_confirm: random.once_in(3),
        source: if random.once_in(40) { "localhost" } else { random.pick(&sources) }.to_owned(),
        expected_version: rarely(random, 20, 4),
        request_id: request_id(random),
        return_fresh: random.once_in(2),
        skip_triggers: random.once_in(4),
        keep_refusal: random.once_in(4),
        insert_fields: random.once_in(4),
    }
}

/// Seldom a revision that the store has not reached.
fn min_revision(random: &mut Random) -> u64 {
    if random.once_in(20) { 1_000_000 } else { 0 }
}

pub fn resolve(random: &mut Random) -> ResolveRequest {
    ResolveRequest {
        space: space(random),
        keys: Some(keys(random)).filter(|_| !random.once_in(50)),
        policy: policy(random),
        explain: random.once_in(2),
        min_revision: min_revision(random),
    }
}

pub fn resolve_batch(random: &mut Random) -> ResolveBatchRequest {
    ResolveBatchRequest {
        space: space(random),
        items: at_least_one(random, 5, keys),
        policy: policy(random),
        explain: random.once_in(2),
        min_revision: min_revision(random),
    }
}

pub fn normalize(random: &mut Random) -> NormalizeRequest {
    NormalizeRequest { space: space(random), addresses: at_least_one(random, 5, any_address) }
}

fn read_paths(random: &mut Random) -> Vec<String> {
    random.some(4, |random| (*random.pick(&READ_PATHS)).to_owned())
}

pub fn get_member(random: &mut Random) -> GetMemberRequest {
    GetMemberRequest {
        space: space(random),
        keys: Some(keys(random)),
        policy: policy(random),
        datakeys: read_paths(random),
        with_heads: random.once_in(2),
        min_revision: min_revision(random),
        missing_too: random.once_in(2),
        with_stoplist: enumerated(random, 3),
    }
}

pub fn get_dataset(random: &mut Random) -> GetDatasetRequest {
    GetDatasetRequest {
        space: space(random),
        dataset_id: random.below(12) as u64,
        datakeys: if random.once_in(2) { read_paths(random) } else { Vec::new() },
        min_revision: min_revision(random),
    }
}

pub fn members_exist(random: &mut Random) -> MembersExistRequest {
    MembersExistRequest {
        space: space(random),
        addresses: at_least_one(random, 5, any_address),
        min_revision: min_revision(random),
    }
}

pub fn find_members(random: &mut Random) -> FindMembersRequest {
    FindMembersRequest {
        space: space(random),
        value: any_address(random).value,
        min_revision: min_revision(random),
    }
}

/// A policy that reads some of the addresses and finds by some of the paths; now and then one that
/// is refused. How many heads a member may have it leaves alone, so that merges can be undone.
pub fn space_policy(random: &mut Random) -> SpacePolicy {
    let field = |random: &mut Random| CustomField {
        path: (*random.pick(&["crm.id", "age", "tags", "name", "member.id"])).to_owned(),
        kind: i32::try_from(random.below(4)).expect("kinds are few"),
        unique: random.once_in(3),
    };
    let mut fields = random.some(4, field);
    if !random.once_in(10) {
        fields.retain(|field| field.path != "member.id");
        fields.dedup_by(|left, right| left.path == right.path);
    }
    let values = vec!["carl@example.org".to_owned()];
    let blocked = BlockedValues { r#type: AddressType::Email.into(), values };
    SpacePolicy {
        default_region: (*random.pick(&["RU", "RU", ""])).to_owned(),
        email_national_domains: Some(!random.once_in(4)),
        email_substitutes: random.once_in(5),
        blocked: if random.once_in(3) { vec![blocked] } else { Vec::new() },
        time_zone: (*random.pick(&["Europe/Moscow", "UTC", "UTC", "Mars/Base"])).to_owned(),
        fields,
        retention_days: *random.pick(&[0, 1, 100]),
        versioning: random.once_in(2),
        confirm_free_per_month_max: *random.pick(&[0, 0, 1, 3]),
        members_max: *random.pick(&[0, 0, 5]),
        ..SpacePolicy::default()
    }
}
