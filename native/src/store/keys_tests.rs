//! Keys: round trips and their order.

use proptest::prelude::*;

use super::*;

const KINDS: [AddressType; 11] = [
    AddressType::Email,
    AddressType::Msisdn,
    AddressType::Viber,
    AddressType::Csid,
    AddressType::Push,
    AddressType::Vk,
    AddressType::Tg,
    AddressType::Vknotify,
    AddressType::Pushapp,
    AddressType::Max,
    AddressType::Umid,
];

fn hash(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

#[test]
fn layout_is_the_documented_one() {
    let long = [b'x'; 401];
    let cases: [(Vec<u8>, Vec<u8>); 16] = [
        (owned(|key| space(key, 7, 258)), vec![0, 0, 0, 7, 0, 0, 1, 2]),
        (owned(|key| space_prefix(key, 258)), vec![0, 0, 1, 2]),
        (
            owned(|key| address(key, 1, AddressType::Email, b"a@b")),
            vec![0, 0, 0, 1, 1, b'a', b'@', b'b'],
        ),
        (
            owned(|key| address(key, 1, AddressType::Umid, &long)),
            [&[0, 0, 0, 1, 0x8b], hash(&long).as_slice()].concat(),
        ),
        (owned(|key| head(key, 1, 258)), vec![0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2]),
        (owned(|key| body(key, 2, 3)), vec![0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3]),
        (owned(|key| redirect(key, 2, 3)), vec![0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3]),
        (
            owned(|key| field(key, 1, 2, b"ab", 3)),
            vec![0, 0, 0, 1, 0, 2, 2, b'a', b'b', 0, 0, 0, 0, 0, 0, 0, 3],
        ),
        (
            owned(|key| field_prefix(key, 1, 2, &long)),
            [&[0, 0, 0, 1, 0, 2, 0xff], hash(&long).as_slice()].concat(),
        ),
        (owned(|key| request(key, 1, b"r")), vec![0, 0, 0, 1, b'r']),
        (
            owned(|key| erased_request(key, &[0, 0, 0, 1, b'r'])),
            [&[0, 0, 0, 1, 0xff], hash(b"r").as_slice()].concat(),
        ),
        (owned(|key| expiry(key, 9, Table::Imports, b"k")), vec![0, 0, 0, 0, 0, 0, 0, 9, 8, b'k']),
        (owned(|key| change(key, 258)), vec![0, 0, 0, 0, 0, 0, 1, 2]),
        (owned(|key| task(key, 258)), vec![0, 0, 0, 0, 0, 0, 1, 2]),
        (owned(|key| group(key, 1, "g")), vec![0, 0, 0, 1, b'g']),
        (
            owned(|key| group_head(key, 1, "g", 258)),
            vec![0, 0, 0, 1, 1, b'g', 0, 0, 0, 0, 0, 0, 1, 2],
        ),
    ];
    for (index, (actual, expected)) in cases.into_iter().enumerate() {
        assert_eq!(actual, expected, "case {index}");
    }
}

#[test]
fn lengths_at_the_limits() {
    let address_of = |bytes| owned(|key| address(key, 1, AddressType::Push, &vec![b'a'; bytes]));
    assert!(matches!(parse_address(&address_of(400)).unwrap().address, Name::Plain(_)));
    assert!(matches!(parse_address(&address_of(401)).unwrap().address, Name::Hashed(_)));
    let field_of = |bytes| owned(|key| field(key, 1, 1, &vec![b'a'; bytes], 1));
    for (bytes, plain) in [(0, true), (200, true), (201, false), (255, false), (4_096, false)] {
        let key = field_of(bytes);
        assert_eq!(matches!(parse_field(&key).unwrap().value, Name::Plain(_)), plain, "{bytes}");
    }
    let longest = owned(|key| request(key, 1, &[b'r'; ID_BYTES_MAX]));
    let longest = owned(|key| expiry(key, 1, Table::Requests, &longest));
    for key in [address_of(4_096), address_of(400), field_of(200), field_of(1_024), longest] {
        assert!(key.len() <= KEY_BYTES_MAX);
    }
}

#[test]
fn malformed_keys_are_refused_without_telling_them() {
    type Parse = fn(&[u8]) -> Option<StoreError>;
    let number: Parse = |key| parse_numbered(Table::Heads, key).err();
    let cases: [(Parse, &[u8]); 23] = [
        (|key| parse_space(key).err(), b"1234567"),
        (|key| parse_space(key).err(), b"123456789"),
        (|key| parse_address(key).err(), b"1234"),
        (|key| parse_address(key).err(), b"1234\0secret"),
        (|key| parse_address(key).err(), b"1234\x7fsecret"),
        (|key| parse_address(key).err(), b"1234\x81secret"),
        (number, b"12345678901"),
        (number, b"1234567890123"),
        (|key| parse_field(key).err(), b"123456\x02a12345678"),
        (|key| parse_field(key).err(), b"123456\xffsecret12345678"),
        (|key| parse_named(Table::Requests, key).err(), b"1234"),
        (|key| parse_expiry(key).err(), b"12345678\x07"),
        (|key| parse_expiry(key).err(), b"12345678\x1esecret"),
        (|key| parse_origin(key).err(), b"123456789"),
        (|key| parse_member_merge(key).err(), b"1234567890123456789"),
        (|key| parse_group_head(key).err(), b"1234\x02a12345678"),
        (|key| parse_group_head(key).err(), b"1234\0"),
        (|key| parse_group_head(key).err(), b"1234\x01\xff12345678"),
        (|key| parse_change(key).err(), b"1234567"),
        (|key| parse_task(key).err(), b"1234567"),
        (|key| parse_job(key).err(), b"12345678901"),
        (|key| parse_job_progress(key).err(), b"1234567"),
        (|key| parse_rejects(key).err(), b"123456789012345678901"),
    ];
    for (index, (parse, key)) in cases.into_iter().enumerate() {
        let error = parse(key).unwrap_or_else(|| panic!("case {index} parses"));
        assert!(matches!(error, StoreError::Corrupt { .. }), "case {index}");
        assert!(!error.to_string().contains("secret"), "case {index}");
    }
}

fn kinds() -> impl Strategy<Value = AddressType> {
    (0..KINDS.len()).prop_map(|index| KINDS[index])
}

fn bytes(length_max: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..=length_max)
}

/// Few byte values, so that prefixes of one another are common.
fn alike() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0_u8..3, 0..5)
}

type Parts = (u32, u64, Vec<u8>);

fn parts() -> impl Strategy<Value = Parts> {
    (any::<u32>(), any::<u64>(), alike())
}

proptest! {
    #[test]
    fn heads_of_groups_round_trip(number: u32, head_id: u64, group in "\\PC{1,40}") {
        let key = owned(|key| group_head(key, number, &group, head_id));
        prop_assert_eq!(parse_group_head(&key).unwrap(), (number, group.as_str(), head_id));
    }

    #[test]
    fn addresses_round_trip(number: u32, kind in kinds(), value in bytes(600)) {
        let key = owned(|key| address(key, number, kind, &value));
        let digest = hash(&value);
        let expected =
            if value.len() <= 400 { Name::Plain(&value) } else { Name::Hashed(&digest) };
        prop_assert!(key.len() <= KEY_BYTES_MAX);
        let parts = AddressKey { space: number, kind, address: expected };
        prop_assert_eq!(parse_address(&key), Ok(parts));
    }

    #[test]
    fn fields_round_trip(number: u32, field_number: u16, value in bytes(300), id: u64) {
        let key = owned(|key| field(key, number, field_number, &value, id));
        let digest = hash(&value);
        let name = if value.len() <= 200 { Name::Plain(&value) } else { Name::Hashed(&digest) };
        let prefix = owned(|key| field_prefix(key, number, field_number, &value));
        prop_assert!(key.starts_with(&prefix));
        let parts = FieldKey { space: number, field: field_number, value: name, dataset_id: id };
        prop_assert_eq!(parse_field(&key), Ok(parts));
    }

    #[test]
    fn others_round_trip(
        account: u32, db: u32, id: u64, name in bytes(ID_BYTES_MAX), tag in 0_u8..11,
    ) {
        let table = Table::from_tag(tag).unwrap();
        prop_assert_eq!(parse_space(&owned(|key| space(key, account, db))), Ok((account, db)));
        for build in [head, body, redirect] {
            let key = owned(|key| build(key, account, id));
            prop_assert_eq!(parse_numbered(Table::Heads, &key), Ok((account, id)));
        }
        for build in [request, import] {
            let key = owned(|key| build(key, account, &name));
            prop_assert_eq!(parse_named(Table::Requests, &key), Ok((account, name.as_slice())));
            let expiry_key = owned(|buffer| expiry(buffer, id, table, &key));
            let parts = ExpiryKey { time_seconds: id, table, key: &key };
            prop_assert_eq!(parse_expiry(&expiry_key), Ok(parts));
        }
        prop_assert_eq!(parse_origin(&owned(|key| origin(key, account, db))), Ok((account, db)));
        prop_assert_eq!(parse_change(&owned(|key| change(key, id))), Ok(id));
        prop_assert_eq!(parse_job(&owned(|key| job(key, db, id))), Ok((db, id)));
        prop_assert_eq!(parse_job_progress(&owned(|key| job_progress(key, id))), Ok(id));
        let rejects = owned(|key| rejects(key, db, id, !id));
        prop_assert_eq!(parse_rejects(&rejects), Ok((db, id, !id)));
        prop_assert!(rejects.starts_with(&owned(|key| rejects_of(key, db, id))));
    }

    #[test]
    fn any_bytes_parse_or_are_refused(key in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(AddressKey { space, kind, address: Name::Plain(value) }) = parse_address(&key) {
            prop_assert_eq!(owned(|key| address(key, space, kind, value)), key.clone());
        }
        if let Ok(parts) = parse_field(&key)
            && let Name::Plain(value) = parts.value
        {
            let built = |key: &mut Vec<u8>| {
                field(key, parts.space, parts.field, value, parts.dataset_id);
            };
            prop_assert_eq!(owned(built), key.clone());
        }
        let _ = (parse_space(&key).is_ok(), parse_expiry(&key).is_ok(), parse_change(&key).is_ok());
    }

    #[test]
    fn order_is_the_order_of_the_parts(left in parts(), right in parts()) {
        let number = |(space, id, _): &Parts| owned(|key| head(key, *space, *id));
        let numbers = |(space, id, _): &Parts| (*space, *id);
        prop_assert_eq!(number(&left).cmp(&number(&right)), numbers(&left).cmp(&numbers(&right)));
        let expiry_of = |(_, id, name): &Parts| {
            owned(|key| expiry(key, *id, Table::Requests, name))
        };
        prop_assert_eq!(
            expiry_of(&left).cmp(&expiry_of(&right)),
            (left.1, &left.2).cmp(&(right.1, &right.2))
        );
        let change_of = |(_, id, _): &Parts| owned(|key| change(key, *id));
        prop_assert_eq!(change_of(&left).cmp(&change_of(&right)), left.1.cmp(&right.1));
    }

    #[test]
    fn a_prefix_of_one_value_is_of_no_other(left in alike(), right in alike(), id: u64) {
        let prefix = owned(|key| field_prefix(key, 1, 1, &left));
        let key = owned(|key| field(key, 1, 1, &right, id));
        prop_assert_eq!(key.starts_with(&prefix), left == right);
    }
}
