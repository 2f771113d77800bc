//! What the columns of an express import mean: one has the addresses, the others are kept.

use crate::address::type_name;
use crate::fault::{Fault, Result};
use crate::import::{Column, Plan};
use crate::space::Space;
use crate::wire::v1::import_column::Target;
use crate::wire::v1::{AddressType, ImportColumn, ImportOptions, StartImportRequest};

/// The columns of an express import, compiled once.
#[derive(Debug)]
pub struct ExpressPlan {
    /// How many columns the file has.
    pub width: usize,
    /// Where the addresses are.
    pub address: usize,
    /// Their type.
    pub kind: AddressType,
    /// The name of their column.
    pub address_name: String,
    /// The columns that are kept: where each is, and the type of its addresses if it has some.
    pub kept: Vec<(usize, Option<AddressType>)>,
    /// Their names.
    pub names: Vec<String>,
}

impl ExpressPlan {
    /// Compiles the columns of an import.
    pub fn compile(space: &Space, options: &ImportOptions) -> Result<Self> {
        check_columns(&options.columns)?;
        let Plan { columns, .. } = Plan::compile(space, options)?;
        let key = columns.iter().position(Column::is_key);
        let key = key.and_then(|address| match &columns[address] {
            Column::Address(kind) => Some((address, *kind)),
            _ => None,
        });
        let Some((address, kind)) = key else {
            return Err(Fault::invalid("columns", "must have an address as their first key"));
        };
        let is_kept = |(index, column): (usize, &Column)| {
            let kind = match column {
                Column::Ignored => return None,
                Column::Address(kind) => Some(*kind),
                _ => None,
            };
            (index != address).then_some((index, kind))
        };
        let kept: Vec<_> = columns.iter().enumerate().filter_map(is_kept).collect();
        Ok(Self {
            width: columns.len(),
            names: kept.iter().map(|&(index, _)| name(&options.columns[index])).collect(),
            address_name: name(&options.columns[address]),
            address,
            kind,
            kept,
        })
    }

    /// What the cells of each column do, in words for people.
    pub fn meanings(&self) -> Vec<String> {
        let meaning = |index| {
            if index == self.address {
                format!("has the addresses of the list, of type {}", type_name(self.kind))
            } else if self.kept.iter().any(|&(kept, _)| kept == index) {
                "is kept as it is".to_owned()
            } else {
                "is not read".to_owned()
            }
        };
        (0..self.width).map(meaning).collect()
    }
}

/// What people read of a column; where the file does not name it, what it would change.
fn name(column: &ImportColumn) -> String {
    match &column.target {
        _ if !column.name.is_empty() => column.name.clone(),
        Some(Target::Datakey(datakey)) => datakey.path.clone(),
        Some(Target::Field(field)) => field.path.clone(),
        Some(Target::Address(address)) => type_name(address.r#type()).to_owned(),
        _ => String::new(),
    }
}

/// Refuses what an import outside the data of members cannot do, before its file is seen.
pub fn check(request: &StartImportRequest, options: &ImportOptions) -> Result<()> {
    let has_groups =
        |groups: &crate::wire::v1::GroupOrders| !groups.add.is_empty() || !groups.remove.is_empty();
    let others = [
        ("options.no_member", options.no_member),
        ("clean_group", request.clean_group),
        ("options.groups", options.groups.as_ref().is_some_and(has_groups)),
        ("options.sequence", options.sequence.is_some()),
        ("options.head_attach", options.head_attach.is_some()),
    ];
    match others.into_iter().find(|(_, given)| *given) {
        Some((second, _)) => Err(conflict(second)),
        None => check_columns(&options.columns),
    }
}

fn check_columns(columns: &[ImportColumn]) -> Result<()> {
    let refused = |column: &ImportColumn| match &column.target {
        Some(Target::Status(_)) => Some("columns.status"),
        Some(Target::Attach(_)) => Some("columns.attach"),
        Some(Target::Detach(_)) => Some("columns.detach"),
        Some(Target::ContactId(_)) => Some("columns.contact_id"),
        Some(Target::Datakey(datakey)) if datakey.calc => Some("columns.datakey.calc"),
        _ => None,
    };
    let refused = |(index, column): (usize, &ImportColumn)| Some((index, refused(column)?));
    match columns.iter().enumerate().find_map(refused) {
        Some((index, second)) => Err(conflict(second).with("column", index)),
        None => Ok(()),
    }
}

fn conflict(second: &str) -> Fault {
    let message = format!("express changes no members, as {second} would; leave one out.");
    Fault::conflict("express", second, message)
}
