//! Stores whose entries have been spoiled: a check reports, and never panics.

use std::ops::ControlFlow;
use std::sync::OnceLock;

use _native::store::{Engine, Memory, Mutations, Table, keys, records};
use _native::tools;
use _native::wire::internal::v1::{CancelJobRequest, CreateJobRequest};
use _native::wire::storage::{
    EraseTask, ErasureRecord, ExpressListRecord, ExpressRowList, ExpressRowRecord, ExpressSegment,
    FieldsTask, GroupRecord, RejectList, RejectRecord, TaskRecord, task_record,
};
use _native::wire::v1::{
    AddressColumn, AddressType, ImportChunk, ImportColumn, ImportOptions, ImportRow, ImportSource,
    StartImportRequest, import_column, import_source,
};
use _native::wire::v1::{
    DefineOriginRequest, DeleteMembersRequest, EraseMemberRequest, MemberChange, MemberKey,
    MergeHeadRule, MergeMembersRequest, SetMemberBatchRequest, StreamImportRequest, member_key,
    stream_import_request,
};
use prost::Message;

use super::fixture::{self, SPACE, assert_clean};
use super::frames;

type Entry = (Table, Vec<u8>, Vec<u8>);

/// How an entry is spoiled.
const WAYS: u8 = 6;

/// Each message spoils one entry: its tag says how, its first two bytes which, the rest by what.
pub fn run(data: &[u8]) {
    let entries = entries();
    let mut mutations = Mutations::default();
    for (tag, message) in frames::split(data) {
        let Some((&[high, low], bytes)) = message.split_first_chunk() else { continue };
        let number = usize::from(u16::from_be_bytes([high, low]));
        spoil(&mut mutations, tag, &entries[number % entries.len()], bytes);
    }
    let engine = Memory::default();
    write(&engine, entries);
    assert!(engine.write(&mut |_| Ok(mutations.clone())).is_ok(), "keys are short and not empty");
    // What is wrong may be beyond a report, such as an unknown format, but it is told.
    let _report = tools::check(&engine, &mut |_, _| {});
}

fn spoil(mutations: &mut Mutations, way: u8, (table, key, value): &Entry, bytes: &[u8]) {
    match way % WAYS {
        0 => mutations.put(*table, key, bytes),
        1 => mutations.delete(*table, key),
        2 => mutations.put(*table, key, &value[..value.len().min(bytes.len())]),
        3 => mutations.put(*table, key, &[value, bytes].concat()),
        4 => {
            let flipped = value.iter().zip(bytes.iter().chain(std::iter::repeat(&0)));
            let flipped: Vec<u8> = flipped.map(|(byte, flip)| byte ^ flip).collect();
            mutations.put(*table, key, &flipped);
        }
        _ => {
            let key = &bytes[..bytes.len().min(keys::KEY_BYTES_MAX)];
            if !key.is_empty() {
                mutations.put(*table, key, value);
            }
        }
    }
}

fn write(engine: &Memory, entries: &[Entry]) {
    let mut mutations = Mutations::default();
    for (table, key, value) in entries {
        mutations.put(*table, key, value);
    }
    engine.write(&mut |_| Ok(mutations.clone())).expect("memory takes it");
}

/// A store with something in every table.
pub fn filled() -> Memory {
    let engine = Memory::default();
    write(&engine, entries());
    engine
}

/// The entries of a good store; made once, because every input needs them.
fn entries() -> &'static [Entry] {
    static ENTRIES: OnceLock<Vec<Entry>> = OnceLock::new();
    ENTRIES.get_or_init(|| {
        let (core, engine) = fixture::core();
        let by_token = fixture::keys();
        let by_token = MemberChange {
            keys: Some(_native::wire::v1::MatchKeys { contact_id: None, ..by_token }),
            ..MemberChange::default()
        };
        let changes = vec![fixture::change(), by_token];
        let batch = SetMemberBatchRequest { space: Some(SPACE), changes, ..Default::default() };
        let request = batch.encode_to_vec().into();
        core.call("/zmey.v1.MemberService/SetMemberBatch", request, None).expect("good changes");
        import(&core);
        merge(&core);
        delete(&core);
        define_origin(&core);
        erase(&core);
        jobs(&core);
        core.upkeep().settle();
        core.close();
        begin_again(engine.as_ref());
        leave_task(engine.as_ref());
        leave_group(engine.as_ref());
        leave_rejects(engine.as_ref());
        leave_list(engine.as_ref());
        assert_clean(engine.as_ref());
        read(engine.as_ref())
    })
}

/// Leaves a list group that an import has made.
fn leave_group(engine: &dyn Engine) {
    let mut mutations = Mutations::default();
    let key = keys::owned(|key| keys::group(key, 1, "g1"));
    let record = GroupRecord { name: "Imported".to_owned(), ..GroupRecord::default() };
    mutations.put(Table::Groups, &key, &record.encode_to_vec());
    engine.write(&mut |_| Ok(mutations.clone())).expect("memory takes it");
}

/// Begins two imports of the server, and ends the first.
fn jobs(core: &_native::core::Core) {
    let source = ImportSource { source: Some(import_source::Source::Upload("u".to_owned())) };
    let options = ImportOptions { space: Some(SPACE), ..ImportOptions::default() };
    let request = StartImportRequest {
        source: Some(source),
        options: Some(options),
        ..StartImportRequest::default()
    };
    for _ in 0..2 {
        let request = CreateJobRequest { request: Some(request.clone()) };
        let request = request.encode_to_vec().into();
        core.call("/zmey.internal.v1.JobService/CreateJob", request, None).expect("a good import");
    }
    let request = CancelJobRequest { space: Some(SPACE), job_id: 1 };
    let request = request.encode_to_vec().into();
    core.call("/zmey.internal.v1.JobService/CancelJob", request, None).expect("a job");
}

/// Leaves rows that the import has refused.
fn leave_rejects(engine: &dyn Engine) {
    let reject = RejectRecord { row: 2, text: "nobody".to_owned(), ..RejectRecord::default() };
    let (segment, _) = records::pack_rejects(&RejectList { rejects: vec![reject] });
    let mut mutations = Mutations::default();
    let key = keys::owned(|key| keys::rejects(key, 1, 1, 1));
    mutations.put(Table::Rejects, &key, &segment.encode_to_vec());
    engine.write(&mut |_| Ok(mutations.clone())).expect("memory takes it");
}

/// Leaves the list of an express import.
fn leave_list(engine: &dyn Engine) {
    let row = ExpressRowRecord { number: 2, address: "a@a.co".to_owned(), ..Default::default() };
    let (content, content_bytes) = records::pack_express(&ExpressRowList { rows: vec![row] });
    let segment = ExpressSegment {
        list_id: "l1".to_owned(),
        address_type: AddressType::Email as u32,
        rows: 1,
        content,
        content_bytes,
    };
    let record = ExpressListRecord {
        number: 1,
        expires_seconds: 1 << 40,
        rows: 1,
        bytes: content_bytes.into(),
        ..ExpressListRecord::default()
    };
    let mut mutations = Mutations::default();
    let list = keys::owned(|key| keys::express_list(key, 1, "l1"));
    mutations.put(Table::ExpressLists, &list, &record.encode_to_vec());
    let key = keys::owned(|key| keys::express_rows(key, 1, 1, 2));
    mutations.put(Table::ExpressRows, &key, &segment.encode_to_vec());
    let key = keys::owned(|key| keys::expiry(key, 1 << 40, Table::ExpressLists, &list));
    mutations.put(Table::Expiries, &key, &[]);
    engine.write(&mut |_| Ok(mutations.clone())).expect("memory takes it");
}

/// Leaves work that a stop has interrupted.
fn leave_task(engine: &dyn Engine) {
    let task_id = keys::TASK_OF_SPACE + 1;
    let work = Some(task_record::Work::Fields(FieldsTask {}));
    let record = TaskRecord { space_number: 1, work, ..TaskRecord::default() };
    let mut mutations = Mutations::default();
    let key = keys::owned(|key| keys::task(key, task_id));
    mutations.put(Table::Tasks, &key, &records::encode(&record));
    engine.write(&mut |_| Ok(mutations.clone())).expect("memory takes it");
}

fn import(core: &std::sync::Arc<_native::core::Core>) {
    let encode = |message| StreamImportRequest { message: Some(message) }.encode_to_vec().into();
    let email = AddressColumn { r#type: AddressType::Email.into() };
    let options = ImportOptions {
        space: Some(SPACE),
        import_id: "i".to_owned(),
        columns: vec![ImportColumn {
            target: Some(import_column::Target::Address(email)),
            ..Default::default()
        }],
        ..ImportOptions::default()
    };
    let row = ImportRow {
        cells: vec![bytes::Bytes::from_static(b"carl@example.com")],
        ..Default::default()
    };
    let chunk = ImportChunk { number: 1, rows: vec![row] };
    let stream = core
        .open_import(encode(stream_import_request::Message::Options(options)))
        .expect("good options");
    stream.submit(encode(stream_import_request::Message::Chunk(chunk))).expect("a good chunk");
    stream.receipt().expect("memory takes it");
}

/// Merges the imported member into the first one, so that its number leads there.
fn merge(core: &_native::core::Core) {
    let request = MergeMembersRequest {
        space: Some(SPACE),
        receiver: Some(fixture::email_keys("anna@example.com")),
        source: Some(fixture::email_keys("carl@example.com")),
        head_rule: MergeHeadRule::Transplant.into(),
        ..MergeMembersRequest::default()
    };
    let request = request.encode_to_vec().into();
    core.call("/zmey.v1.MemberService/MergeMembers", request, None).expect("two members");
}

/// Deletes one more member, so that it could be restored.
fn delete(core: &_native::core::Core) {
    let change = MemberChange {
        keys: Some(fixture::email_keys("dora@example.net")),
        ..MemberChange::default()
    };
    let changes = vec![change];
    let batch = SetMemberBatchRequest { space: Some(SPACE), changes, ..Default::default() };
    let request = batch.encode_to_vec().into();
    core.call("/zmey.v1.MemberService/SetMemberBatch", request, None).expect("a good change");
    let dora = fixture::address(AddressType::Email, "dora@example.net");
    let request = DeleteMembersRequest {
        space: Some(SPACE),
        members: vec![MemberKey { key: Some(member_key::Key::Address(dora)) }],
        ..DeleteMembersRequest::default()
    };
    let request = request.encode_to_vec().into();
    core.call("/zmey.v1.MemberService/DeleteMembers", request, None).expect("a member");
}

/// Names a source of creation.
fn define_origin(core: &_native::core::Core) {
    let request = DefineOriginRequest {
        space: Some(SPACE),
        label: "shop".to_owned(),
        ..DefineOriginRequest::default()
    };
    let request = request.encode_to_vec().into();
    core.call("/zmey.v1.OriginService/DefineOrigin", request, None).expect("a good label");
}

/// Erases one more member.
fn erase(core: &_native::core::Core) {
    let changes = vec![MemberChange {
        keys: Some(fixture::email_keys("eva@example.net")),
        ..MemberChange::default()
    }];
    let batch = SetMemberBatchRequest { space: Some(SPACE), changes, ..Default::default() };
    let request = batch.encode_to_vec().into();
    core.call("/zmey.v1.MemberService/SetMemberBatch", request, None).expect("a good change");
    let eva = fixture::address(AddressType::Email, "eva@example.net");
    let member = Some(MemberKey { key: Some(member_key::Key::Address(eva)) });
    let request = EraseMemberRequest { space: Some(SPACE), member, options: None };
    let request = request.encode_to_vec().into();
    core.call("/zmey.v1.MemberService/EraseMember", request, None).expect("a member");
}

/// Lets the erasure be one that goes on, as after a crash.
fn begin_again(engine: &dyn Engine) {
    let begun = engine.write(&mut |snapshot| {
        let mut mutations = Mutations::default();
        snapshot.scan(Table::Erasures, &[], 1, &mut |key, value| {
            let (space_number, erasure_id) =
                keys::parse_numbered(Table::Erasures, key).expect("a good key");
            let erasure = ErasureRecord::decode(value).expect("a good record");
            let task = keys::owned(|key| keys::task(key, erasure.task_id));
            let work = EraseTask { erasure_ids: vec![erasure_id], ..EraseTask::default() };
            let work = Some(task_record::Work::Erase(work));
            let record = TaskRecord { space_number, work, ..TaskRecord::default() };
            mutations.put(Table::Tasks, &task, &record.encode_to_vec());
            let erasure = ErasureRecord { finished_seconds: 0, ..erasure };
            mutations.put(Table::Erasures, key, &erasure.encode_to_vec());
            ControlFlow::Continue(())
        })?;
        Ok(mutations)
    });
    begun.expect("memory writes");
}

fn read(engine: &dyn Engine) -> Vec<Entry> {
    let mut entries = Vec::new();
    let read = engine.read(&mut |snapshot| {
        Table::ALL.into_iter().try_for_each(|table| {
            snapshot.scan(table, &[], usize::MAX, &mut |key, value| {
                entries.push((table, key.to_vec(), value.to_vec()));
                ControlFlow::Continue(())
            })
        })
    });
    read.expect("memory reads");
    let has = |table| entries.iter().any(|entry| entry.0 == table);
    assert!(Table::ALL.into_iter().all(has), "something is in every table");
    entries
}

/// Every entry spoiled in every way, most by text that is no document.
pub fn seeds() -> Vec<Vec<u8>> {
    let numbers = 0..u16::try_from(entries().len()).expect("a small store");
    let seed = |number: u16| {
        let frame = move |way| (way, [&number.to_be_bytes()[..], b"\x0a\x02{\""].concat());
        (0..WAYS).map(move |way| frames::join(&[frame(way)]))
    };
    numbers.flat_map(seed).collect()
}
