//! Whom jobs touch besides the rows: the heads of a list group, and the erased.

use _native::core::Core;
use _native::store::Table;
use _native::wire::v1::{
    AddressType, AutoGroup, EraseMemberRequest, EraseMemberResponse, GroupOrders, ImportState,
    MemberKey, StartImportRequest, member_key,
};

use crate::job_runs::{File, asked, counters, imported, rejects};
use crate::jobs::{get, state};
use crate::support::{
    ERASE_MEMBER, SPACE, SetUp, address, assert_clean, call, config, entries, keys_of,
};

fn erase(core: &Core, email: &str) {
    let key = member_key::Key::Address(address(AddressType::Email, email));
    let member = Some(MemberKey { key: Some(key) });
    let request = EraseMemberRequest { space: Some(SPACE), member, ..Default::default() };
    let _: EraseMemberResponse = call(core, ERASE_MEMBER, &request).unwrap();
    core.upkeep().settle();
}

#[test]
fn the_texts_of_rejects_go_with_whom_they_name() {
    let SetUp { core, engine, .. } = SetUp::new(&config());
    let file = File::new(
        "email,log\n\
         ann@example.com,1\n\
         bob@example.com,1\n\
         Ann@Example.com,{\n\
         bob@example.com,{\n\
         late@example.com,{\n\
         nobody,1\n\
         ann@example.com,\"2\n",
    );
    imported(&core, asked(), &file.path);
    let texts = || rejects(&core, 1).into_iter().map(|it| (it.row, it.text)).collect::<Vec<_>>();
    let before = texts();
    let rows: Vec<u64> = before.iter().map(|it| it.0).collect();
    assert_eq!(rows, [4, 5, 6, 7, 8]);
    assert!(before.iter().all(|(_, text)| !text.is_empty()), "{before:?}");
    erase(&core, "ann@example.com");
    // The last row could not be read: nobody knows whom it names.
    let kept = |row: u64| before.iter().find(|it| it.0 == row).unwrap().1.clone();
    let gone = String::new;
    let expected = vec![(4, gone()), (5, kept(5)), (6, kept(6)), (7, kept(7)), (8, gone())];
    assert_eq!(texts(), expected);
    let is_there = |value: &Vec<u8>| {
        let text = String::from_utf8_lossy(value).to_lowercase();
        text.contains("ann@example")
    };
    assert!(
        !entries(engine.as_ref()).iter().any(|(_, key, value)| is_there(key) || is_there(value))
    );
    // Somebody who came only after the row was refused.
    let later = File::new("email,log\nlate@example.com,1\n");
    imported(&core, asked(), &later.path);
    erase(&core, "late@example.com");
    assert_eq!(texts()[2], (6, gone()));
    assert_eq!(texts()[1], (5, kept(5)));
    assert_eq!(rejects(&core, 1).len(), 5);
    assert_clean(engine.as_ref());
}

fn grouped(id: &str, name: &str, clean_group: bool) -> StartImportRequest {
    let auto_group = Some(AutoGroup { id: id.to_owned(), name: name.to_owned() });
    StartImportRequest { auto_group, clean_group, ..asked() }
}

#[test]
fn rows_join_the_group_which_is_cleaned_first() {
    let SetUp { core, engine, .. } = SetUp::new(&config());
    let members = || keys_of(engine.as_ref(), Table::GroupHeads).len();
    let first = File::new("email,log\na@example.com,1\nb@example.com,1\n");
    let second = File::new("email,log\nb@example.com,2\nc@example.com,1\nd@example.com,1\n");
    imported(&core, grouped("g", "G", false), &first.path);
    assert_eq!(members(), 2);
    imported(&core, grouped("g", "Other", false), &second.path);
    assert_eq!((members(), keys_of(engine.as_ref(), Table::Groups).len()), (4, 1));
    // What keeps an import from beginning keeps the group, too.
    let mut unkeyed = grouped("g", "", true);
    unkeyed.options.as_mut().unwrap().columns.clear();
    let nameless = File::new("log\n1\n");
    assert_eq!(state(&imported(&core, unkeyed, &nameless.path)), ImportState::Failed);
    assert_eq!(members(), 4);
    let mut cleaning = grouped("g", "", true);
    // A group that is named twice is joined once.
    cleaning.options.as_mut().unwrap().groups =
        Some(GroupOrders { add: vec!["g".to_owned(), "h".to_owned()], remove: Vec::new() });
    let job = imported(&core, cleaning, &first.path);
    assert_eq!(counters(&job).read, 2);
    assert_eq!(members(), 4, "two in g and two in h");
    assert_eq!(get(&core, 4).unwrap().metadata.unwrap().group.unwrap().id, "g");
    assert_clean(engine.as_ref());
}
