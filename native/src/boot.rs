//! What happens before the first call: the store is opened, spaces get their numbers, and the
//! indexes of declared fields are made to fit the configuration.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::config::{CoreConfig, FieldConfig, SpaceConfig};
use crate::datakey::Pattern;
use crate::fault::{Fault, Result};
use crate::matching::fields::{Field, FieldKind};
use crate::space::{Space, Spaces};
use crate::store::{
    Engine, Lmdb, Memory, Mutations, Options, Snapshot, StoreResult, Table, keys, records,
};
use crate::wire::storage::{BodyRecord, FieldRecord, SpaceRecord, StoreHeader};
use crate::wire::v1::ErrorReason;

/// Bodies or entries handled in one commit of an index build.
const BUILD_STEP_ENTRIES: usize = 10_000;

/// Opens the engine that a configuration names.
pub fn engine(config: &CoreConfig) -> Result<Arc<dyn Engine>> {
    Ok(match &config.store_path {
        None => Arc::new(Memory::new(config.readers_max)),
        Some(path) => Arc::new(Lmdb::open(&Options {
            path: path.into(),
            map_bytes_initial: config.map_bytes_initial,
            map_bytes_max: config.map_bytes_max,
            readers_max: config.readers_max,
        })?),
    })
}

/// Gives every configured space its number and its indexes.
pub fn spaces(engine: &dyn Engine, configs: &[SpaceConfig]) -> Result<Spaces> {
    check(configs)?;
    let mut spaces = Spaces::default();
    for config in configs {
        let record = register(engine, config)?;
        let record = build_indexes(engine, config, record)?;
        let field = |recorded: &FieldRecord| {
            let kind = FieldKind::from_number(recorded.kind).map_or("", FieldKind::name);
            let config = FieldConfig {
                path: recorded.path.clone(),
                kind: kind.to_owned(),
                unique: recorded.unique,
            };
            Field::new(&config, field_number(recorded.number)?)
        };
        let fields = record.fields.iter().map(field).collect::<Result<_>>()?;
        spaces.insert(Space::new(config, record.number, fields)?);
    }
    Ok(spaces)
}

/// Refuses a faulty configuration before the store is touched: a field that is left out by mistake
/// would lose its index.
fn check(configs: &[SpaceConfig]) -> Result<()> {
    let mut spaces = Spaces::default();
    for config in configs {
        if config.account_id == 0 || config.db_id == 0 {
            return Err(Fault::invalid("spaces", "must have account_id and db_id from 1"));
        }
        if spaces.contains(config.account_id, config.db_id) {
            return Err(Fault::invalid("spaces", "must differ in account_id or db_id"));
        }
        let mut fields: Vec<Field> = Vec::new();
        for declaration in &config.fields {
            if fields.iter().any(|field| field.path == declaration.path) {
                return Err(Fault::invalid("spaces.fields.path", "must differ within a space"));
            }
            if Pattern::parse(0, &declaration.path)?.reserved().is_some() {
                return Err(Fault::invalid("spaces.fields.path", "must not be a system key"));
            }
            fields.push(Field::new(declaration, 0)?);
        }
        spaces.insert(Space::new(config, 0, fields)?);
    }
    Ok(())
}

fn space_key(config: &SpaceConfig) -> Vec<u8> {
    keys::owned(|key| keys::space(key, config.account_id, config.db_id))
}

fn field_number(number: u32) -> Result<u16> {
    u16::try_from(number)
        .map_err(|_| Fault::limit("spaces.fields", usize::from(u16::MAX), number as usize))
}

/// The record of a space; a new one gets the next number.
fn register(engine: &dyn Engine, config: &SpaceConfig) -> StoreResult<SpaceRecord> {
    let key = space_key(config);
    let mut record = SpaceRecord::default();
    engine.write(&mut |snapshot| {
        let mut mutations = Mutations::default();
        if let Some(known) = records::get(snapshot, Table::Spaces, &key)? {
            record = known;
            return Ok(mutations);
        }
        let mut header: StoreHeader =
            records::get(snapshot, Table::Meta, keys::HEADER)?.unwrap_or_default();
        header.next_space_number = header.next_space_number.max(1);
        record = SpaceRecord {
            number: header.next_space_number,
            next_head_id: 1,
            next_dataset_id: 1,
            fields: Vec::new(),
            next_field_number: 1,
            next_origin_number: 0,
        };
        header.next_space_number += 1;
        mutations.put(Table::Meta, keys::HEADER, &records::encode(&header));
        mutations.put(Table::Spaces, &key, &records::encode(&record));
        Ok(mutations)
    })?;
    Ok(record)
}

/// Makes the indexes of a space fit its declared fields: numbers of fields that are not declared
/// (any more) or were never finished are cleared, new ones are built under numbers never used
/// before, and only then the record says that they are there.
fn build_indexes(
    engine: &dyn Engine,
    config: &SpaceConfig,
    mut record: SpaceRecord,
) -> Result<SpaceRecord> {
    let same = |recorded: &FieldRecord, declared: &FieldConfig| {
        recorded.path == declared.path
            && recorded.unique == declared.unique
            && FieldKind::from_number(recorded.kind) == FieldKind::parse(&declared.kind)
    };
    let declared = |field: &FieldRecord| config.fields.iter().any(|other| same(field, other));
    let mut kept: Vec<FieldRecord> =
        record.fields.iter().filter(|field| declared(field)).cloned().collect();
    let missing: Vec<&FieldConfig> = config
        .fields
        .iter()
        .filter(|field| !kept.iter().any(|recorded| same(recorded, field)))
        .collect();
    let removed = kept.len() != record.fields.len();
    if missing.is_empty() && !removed {
        return Ok(record);
    }
    record.fields.clone_from(&kept);
    save(engine, config, &mut record)?;
    clear_unrecorded(engine, &record)?;
    for declaration in missing {
        let number = field_number(record.next_field_number)?;
        let field = Field::new(declaration, number)?;
        record.next_field_number += 1;
        save(engine, config, &mut record)?;
        build(engine, record.number, &field)?;
        kept.push(FieldRecord {
            number: u32::from(number),
            path: field.path.clone(),
            kind: field.kind as u32,
            unique: field.unique,
        });
        record.fields.clone_from(&kept);
        save(engine, config, &mut record)?;
    }
    Ok(record)
}

fn save(engine: &dyn Engine, config: &SpaceConfig, record: &mut SpaceRecord) -> StoreResult<()> {
    engine.write(&mut |_| {
        let mut mutations = Mutations::default();
        mutations.put(Table::Spaces, &space_key(config), &records::encode(record));
        Ok(mutations)
    })
}

/// Deletes the entries of field numbers that the record does not name.
fn clear_unrecorded(engine: &dyn Engine, record: &SpaceRecord) -> StoreResult<()> {
    let recorded: Vec<u32> = record.fields.iter().map(|field| field.number).collect();
    let prefix = keys::owned(|key| keys::space_prefix(key, record.number));
    let mut from = prefix.clone();
    loop {
        let mut last = None;
        engine.write(&mut |snapshot| {
            let mut mutations = Mutations::default();
            last = None;
            let mut failed = Ok(());
            snapshot.scan(Table::Fields, &from, BUILD_STEP_ENTRIES, &mut |key, _| {
                if !key.starts_with(&prefix) {
                    return ControlFlow::Break(());
                }
                last = Some(key.to_vec());
                match keys::parse_field(key) {
                    Ok(field) if recorded.contains(&u32::from(field.field)) => {}
                    Ok(_) => mutations.delete(Table::Fields, key),
                    Err(error) => failed = Err(error),
                }
                ControlFlow::Continue(())
            })?;
            failed.map(|()| mutations)
        })?;
        match last {
            None => return Ok(()),
            Some(key) => from = successor(key),
        }
    }
}

/// Adds the entries of one field for every body of a space.
fn build(engine: &dyn Engine, space: u32, field: &Field) -> Result<()> {
    let prefix = keys::owned(|key| keys::space_prefix(key, space));
    let mut from = prefix.clone();
    loop {
        let (mut last, mut taken) = (None, None);
        engine.write(&mut |snapshot| {
            (last, taken) = (None, None);
            let mut bodies = Vec::new();
            let mut failed = Ok(());
            snapshot.scan(Table::Bodies, &from, BUILD_STEP_ENTRIES, &mut |key, value| {
                if !key.starts_with(&prefix) {
                    return ControlFlow::Break(());
                }
                last = Some(key.to_vec());
                match read_body(key, value) {
                    Ok(body) => bodies.push(body),
                    Err(error) => failed = Err(error),
                }
                ControlFlow::Continue(())
            })?;
            failed?;
            let (mutations, conflict) = entries(snapshot, space, field, &bodies)?;
            taken = conflict;
            Ok(mutations)
        })?;
        if let Some((first, second)) = taken {
            return Err(not_unique(field, first, second));
        }
        match last {
            None => return Ok(()),
            Some(key) => from = successor(key),
        }
    }
}

fn read_body(key: &[u8], value: &[u8]) -> StoreResult<(u64, String)> {
    let (_, contact) = keys::parse_numbered(Table::Bodies, key)?;
    let body: BodyRecord = records::decode(Table::Bodies, value)?;
    Ok((contact, body.data))
}

/// The entries of some bodies, and two members that share a value which must be unique.
fn entries(
    snapshot: &dyn Snapshot,
    space: u32,
    field: &Field,
    bodies: &[(u64, String)],
) -> StoreResult<(Mutations, Option<(u64, u64)>)> {
    let mut mutations = Mutations::default();
    let mut seen = std::collections::HashMap::new();
    for (contact, data) in bodies {
        for value in field.values(data) {
            let bytes = value.as_bytes();
            let prefix = keys::owned(|key| keys::field_prefix(key, space, field.number, bytes));
            let key = keys::owned(|key| keys::field(key, space, field.number, bytes, *contact));
            if field.unique {
                let other = match seen.insert(prefix.clone(), *contact) {
                    Some(other) => Some(other),
                    None => first_holder(snapshot, &prefix)?,
                };
                if let Some(other) = other {
                    return Ok((Mutations::default(), Some((other, *contact))));
                }
            }
            mutations.put(Table::Fields, &key, &[]);
        }
    }
    Ok((mutations, None))
}

fn first_holder(snapshot: &dyn Snapshot, prefix: &[u8]) -> StoreResult<Option<u64>> {
    let mut found = Ok(None);
    snapshot.scan(Table::Fields, prefix, 1, &mut |key, _| {
        if key.starts_with(prefix) {
            found = keys::parse_field(key).map(|field| Some(field.dataset_id));
        }
        ControlFlow::Break(())
    })?;
    found
}

fn not_unique(field: &Field, first: u64, second: u64) -> Fault {
    Fault::new(
        ErrorReason::FieldValueTaken,
        format!(
            "Field {} is declared unique, but members {first} and {second} share a value; \
             change one of them or declare the field not unique.",
            field.path
        ),
    )
    .with("field", &field.path)
    .with("contact_id", first)
}

/// The least key that is greater.
fn successor(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}
