//! The indexes of a space follow the fields that its policy declares: what is new is built in the
//! background, what is declared no longer is removed there.

use super::compile::record;
use super::limits::BUILDS_MAX;
use crate::fault::{Fault, Result};
use crate::wire::storage::{FieldBuild, FieldRecord, SpaceRecord};
use crate::wire::v1::{CustomField, FieldState};

/// Makes the record of a space fit its declared fields; answers whether anything changed. A number
/// is never used again, so that entries of a former index are never taken for those of a new one.
pub fn declare(space: &mut SpaceRecord, fields: &[CustomField]) -> Result<bool> {
    let declared: Vec<FieldRecord> = fields.iter().map(record).collect();
    let wanted = |field: &FieldRecord| declared.iter().any(|other| same(field, other));
    let has_members = space.next_dataset_id > 1;
    let (kept, gone): (Vec<_>, Vec<_>) = space.fields.drain(..).partition(wanted);
    space.fields = kept;
    let mut changed = !gone.is_empty();
    for build in &mut space.builds {
        let field = build.field.clone().unwrap_or_default();
        let restarts = build.state == FieldState::Failed as u32 && wanted(&field);
        if build.state != FieldState::Dropping as u32 && (restarts || !wanted(&field)) {
            *build = dropping(field);
            changed = true;
        }
    }
    if has_members {
        space.builds.extend(gone.into_iter().map(dropping));
    }
    for field in declared {
        let known = space.fields.iter().chain(space.builds.iter().filter_map(maintained));
        if known.into_iter().any(|other| same(other, &field)) {
            continue;
        }
        changed = true;
        let number = space.next_field_number;
        if u16::try_from(number).is_err() {
            let max = usize::from(u16::MAX);
            return Err(Fault::limit("space.field_numbers", max, number as usize));
        }
        space.next_field_number += 1;
        let field = FieldRecord { number, ..field };
        if has_members {
            space.builds.push(FieldBuild {
                field: Some(field),
                state: FieldState::Building as u32,
                total: space.next_dataset_id - 1,
                ..Default::default()
            });
        } else {
            space.fields.push(field);
        }
    }
    if space.builds.len() > BUILDS_MAX {
        return Err(Fault::limit("space.field_builds", BUILDS_MAX, space.builds.len()));
    }
    Ok(changed)
}

/// The field of a build whose index writes maintain.
pub fn maintained(build: &FieldBuild) -> Option<&FieldRecord> {
    build.field.as_ref().filter(|_| build.state != FieldState::Dropping as u32)
}

fn same(field: &FieldRecord, other: &FieldRecord) -> bool {
    field.path == other.path && field.kind == other.kind && field.unique == other.unique
}

fn dropping(field: FieldRecord) -> FieldBuild {
    FieldBuild { field: Some(field), state: FieldState::Dropping as u32, ..Default::default() }
}
