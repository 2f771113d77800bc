//! What the columns of a file are: from the caller, from a caption, from names, from their cells.

use crate::fault::Fault;
use crate::wire::v1::import_column::Target;
use crate::wire::v1::{
    AddressColumn, AddressType, ErrorReason, IgnoredColumn, ImportColumn, ImportReading, Warning,
};

use super::caption::{self, Others};
use super::json::Entry;
use super::limits::{COLUMNS_MAX, SHOWN_CHARACTERS_MAX, WARNINGS_MAX};
use super::looks::{address_type_of, heading_type};
use super::renames::Renames;

/// Of a hundred cells that are not empty, so many must be addresses.
const ADDRESSES_PERCENT: usize = 90;

/// With these columns in front, the rows are those that an import has rejected. `zmey import` takes
/// them away before it sends a report; here they would become data of members.
const REPORT: [&str; 4] = ["row", "reason", "message", "details"];

/// Columns that were found, with what there is to say about them.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub columns: Vec<ImportColumn>,
    pub warnings: Vec<Warning>,
    pub problem: Option<Fault>,
}

impl Found {
    /// No columns, because no row can be read.
    pub(super) fn unreadable(fault: &Fault) -> Self {
        let mut found = Self::default();
        found.refuse(fault.clone());
        found
    }

    fn refuse(&mut self, fault: Fault) {
        self.warnings.push(fault.clone().into());
        self.problem.get_or_insert(fault);
    }
}

/// What columns are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// They change members.
    Members,
    /// They are kept in an express list under their names, whatever these are.
    Express,
}

/// Columns with these names; `rows` are cells of the first rows.
pub(super) fn from_names(
    names: &[String],
    told: (&ImportReading, Purpose),
    rows: &[Vec<String>],
) -> Found {
    let entries: Vec<Entry> =
        names.iter().map(|name| Entry { name: name.clone(), ..Entry::default() }).collect();
    from_entries(&entries, told, rows)
}

/// Columns of the entries of a caption.
pub(super) fn from_entries(
    entries: &[Entry],
    (reading, purpose): (&ImportReading, Purpose),
    rows: &[Vec<String>],
) -> Found {
    let (renames, addr_type) = (Renames::of(reading), reading.addr_type());
    let mut found = Found::default();
    if entries.len() > COLUMNS_MAX {
        found.refuse(Fault::limit("columns", COLUMNS_MAX, entries.len()));
        return found;
    }
    let names: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
    if let Some(fault) = renames.problem(&names) {
        found.refuse(fault);
    }
    if names.iter().map(|name| name.trim()).take(REPORT.len()).eq(REPORT) {
        found.refuse(is_report());
    }
    for (index, entry) in entries.iter().enumerate() {
        match column((index, entry), &names, (&renames, addr_type), purpose) {
            Ok(column) => found.columns.push(column),
            Err(fault) => {
                found.refuse(fault);
                found.columns.push(ignored(entry.name.trim()));
            }
        }
        if entry.autodetect {
            found.warnings.push(not_detected(index).into());
        }
        let unknown = entry.unknown.iter().take(WARNINGS_MAX);
        found.warnings.extend(unknown.map(|name| attribute_unknown(index, name).into()));
    }
    if purpose == Purpose::Members {
        warn_of_braces(&mut found);
    }
    refuse_repeated(&mut found);
    if !found.columns.iter().any(is_key) {
        guess_addresses(&mut found, addr_type, rows);
    }
    for (index, entry) in entries.iter().enumerate() {
        let is_unnamed = entry.name.trim().is_empty() && !entry.ignore;
        if is_unnamed && !is_key(&found.columns[index]) {
            found.warnings.push(unnamed(index).into());
        }
    }
    if found.problem.is_none() && !found.columns.iter().any(is_key) {
        found.refuse(no_key(entries.len(), addr_type));
    }
    found
}

fn column(
    (index, entry): (usize, &Entry),
    names: &[String],
    (renames, addr_type): (&Renames<'_>, AddressType),
    purpose: Purpose,
) -> Result<ImportColumn, Fault> {
    if entry.ignore {
        return Ok(ignored(entry.name.trim()));
    }
    if let Some(attribute) = entry.no_text.first() {
        let problem = format!("has the attribute {attribute:?}, which must be text");
        return Err(caption::invalid(index, &entry.name, &problem));
    }
    let name = renames.name(&entry.name);
    // Other names are those of the caller, who writes them in the notation.
    let is_literal = entry.others == Others::Datakey && name == entry.name.trim();
    let others = match purpose {
        // Adding to members is refused rather than taken for a name.
        Purpose::Express if is_literal || !caption::is_calc(&name) => Others::Text,
        _ if is_literal => Others::Datakey,
        _ => Others::Notation,
    };
    let column = caption::column(index, (&name, others), names, addr_type)?;
    // Objects and datakeys of other columns know it by the name that the file gives it.
    let column = ImportColumn { name: entry.name.trim().to_owned(), ..column };
    caption::with_entry(column, entry.mode.as_deref(), entry.kind.as_deref(), entry.calc)
        .map_err(|problem| caption::invalid(index, &entry.name, &problem))
}

/// A column that nobody reads.
fn ignored(name: &str) -> ImportColumn {
    ImportColumn { name: name.to_owned(), target: Some(Target::Ignored(IgnoredColumn {})) }
}

/// Whether a column says whose row it is.
fn is_key(column: &ImportColumn) -> bool {
    matches!(column.target, Some(Target::ContactId(_) | Target::Address(_) | Target::Field(_)))
}

/// Says which datakeys have braces that nothing fills: mostly it is the name of a column that was
/// meant.
fn warn_of_braces(found: &mut Found) {
    for (index, column) in found.columns.iter().enumerate() {
        if let Some(name) = unfilled(column) {
            found.warnings.push(not_filled(index, name).into());
        }
    }
}

/// The name in the braces of a datakey that is the same for all rows.
fn unfilled(column: &ImportColumn) -> Option<&str> {
    let Some(Target::Datakey(datakey)) = &column.target else { return None };
    let (_, behind) = datakey.path.split_once('{')?;
    let (name, _) = behind.split_once('}')?;
    (!datakey.dynamic && !name.is_empty()).then_some(name)
}

/// Identifiers to attach may come in several columns, everything else in one.
fn refuse_repeated(found: &mut Found) {
    for index in 0..found.columns.len() {
        let column = &found.columns[index];
        let may_repeat = matches!(
            column.target,
            Some(Target::Ignored(_) | Target::Attach(_) | Target::Detach(_))
        );
        let is_repeated = !may_repeat
            && found.columns[..index].iter().any(|other| {
                other.name == column.name && !matches!(other.target, Some(Target::Ignored(_)))
            });
        if is_repeated {
            let name = column.name.clone();
            found.refuse(caption::invalid(index, &name, "is there twice; rename one, or - it"));
        }
    }
}

/// Finds the column of addresses by headings that people use, or by the cells alone.
fn guess_addresses(found: &mut Found, addr_type: AddressType, rows: &[Vec<String>]) {
    let wanted = |kind: AddressType| match addr_type {
        AddressType::Unspecified => true,
        AddressType::Email | AddressType::Msisdn => kind == addr_type,
        // Phones of other services look like phones.
        AddressType::Viber | AddressType::Vknotify => kind == AddressType::Msisdn,
        _ => false,
    };
    let type_at = |kind| if addr_type == AddressType::Unspecified { kind } else { addr_type };
    let count = found.columns.len();
    let held: Vec<Option<AddressType>> = (0..count).map(|index| cells_type(rows, index)).collect();
    let by_heading = (0..count).find_map(|index| {
        let kind = heading_type(&found.columns[index].name)?;
        let fits = kind == addr_type || (wanted(kind) && held[index].is_none_or(&wanted));
        fits.then(|| (index, type_at(kind)))
    });
    let by_cells = || {
        let mut holders = (0..count).filter_map(|index| Some((index, held[index]?)));
        let holder = holders.find(|(_, kind)| wanted(*kind))?;
        let is_only = holders.all(|(_, kind)| !wanted(kind) || kind != holder.1);
        is_only.then(|| (holder.0, type_at(holder.1)))
    };
    // The one column of a file with a type that cells do not show can be nothing else.
    let by_being_alone =
        || (count == 1 && addr_type != AddressType::Unspecified).then_some((0, addr_type));
    let Some((index, kind)) = by_heading.or_else(by_cells).or_else(by_being_alone) else { return };
    let column = &mut found.columns[index];
    column.target = Some(Target::Address(AddressColumn { r#type: kind.into() }));
    let warning = guessed(index, &column.name, kind).into();
    found.warnings.push(warning);
}

/// The type of which nearly all cells of a column are.
fn cells_type(rows: &[Vec<String>], index: usize) -> Option<AddressType> {
    let cells = rows.iter().filter_map(|row| row.get(index)).filter(|cell| !cell.is_empty());
    let kinds: Vec<Option<AddressType>> = cells.map(|cell| address_type_of(cell)).collect();
    [AddressType::Email, AddressType::Msisdn].into_iter().find(|kind| {
        let held = kinds.iter().filter(|found| **found == Some(*kind)).count();
        held > 0 && held * 100 >= kinds.len() * ADDRESSES_PERCENT
    })
}

fn guessed(index: usize, name: &str, kind: AddressType) -> Fault {
    let kind = crate::address::type_name(kind);
    let message =
        format!("Column {} is taken for {kind} addresses; name it member.{kind}.", index + 1);
    Fault::new(ErrorReason::ImportColumnGuessed, message)
        .with("column", index)
        .with("name", name)
        .with("type", kind)
}

fn unnamed(index: usize) -> Fault {
    let message =
        format!("Column {} has no name and is not read; name it, or - to ignore it.", index + 1);
    Fault::new(ErrorReason::ImportColumnUnnamed, message).with("column", index)
}

fn not_filled(index: usize, name: &str) -> Fault {
    let name: String = name.chars().take(SHOWN_CHARACTERS_MAX).collect();
    let message = format!(
        "The datakey of column {} has {name:?} in braces, which is the name of no column: it is \
         the same for all rows.",
        index + 1
    );
    let fault = Fault::new(ErrorReason::ColumnUnknown, message);
    fault.with("column", index).with("name", name)
}

fn attribute_unknown(index: usize, name: &str) -> Fault {
    let name: String = name.chars().take(SHOWN_CHARACTERS_MAX).collect();
    let message = format!(
        "Column {} of the caption has the attribute {name:?}, which is unknown and passed over.",
        index + 1
    );
    Fault::new(ErrorReason::FieldInvalid, message)
        .with("field", format!("caption.{name}"))
        .with("column", index)
}

fn not_detected(index: usize) -> Fault {
    let message = "There are no questions with answers to detect: cells are taken as they are.";
    Fault::new(ErrorReason::FieldInvalid, message)
        .with("field", "caption.autodetect")
        .with("column", index)
}

fn is_report() -> Fault {
    caption::invalid(
        0,
        REPORT[0],
        "shows that the file is a report of rejected rows; save it as CSV in UTF-8 for `zmey \
         import`, or delete its columns row, reason, message and details",
    )
}

/// A type that is said makes a key of the only column; among several, cells of most types look like
/// anything.
fn no_key(columns: usize, addr_type: AddressType) -> Fault {
    let message = match addr_type {
        AddressType::Unspecified => {
            let or_type = if columns == 1 { ", or say addr_type" } else { "" };
            format!(
                "No column says whose row it is; name one contact_id, external_customer_id or \
                 member.TYPE{or_type}."
            )
        }
        said => {
            let kind = crate::address::type_name(said);
            format!(
                "No column says whose row it is, and which of the {columns} has the {kind} \
                 addresses is not seen by its cells; name it member.{kind}."
            )
        }
    };
    Fault::new(ErrorReason::ImportKeyColumnMissing, message).with("columns", columns)
}

/// Whether a name means more than a datakey.
pub(super) fn is_known(name: &str) -> bool {
    let column = caption::column(0, (name, Others::Notation), &[], AddressType::Unspecified);
    let is_datakey = |column: &ImportColumn| matches!(column.target, Some(Target::Datakey(_)));
    !matches!(name.trim(), "" | "-")
        && (name.starts_with("member.") || column.is_ok_and(|column| !is_datakey(&column)))
}

/// Columns of a caller, each with a name by which objects have it.
pub(super) fn named(columns: &[ImportColumn]) -> Vec<ImportColumn> {
    let name = |column: &ImportColumn| {
        let name = match column.name.as_str() {
            "" => own_name(column),
            name => name.to_owned(),
        };
        ImportColumn { name, ..column.clone() }
    };
    columns.iter().map(name).collect()
}

/// The name by which a column without one is found in objects.
fn own_name(column: &ImportColumn) -> String {
    match &column.target {
        Some(Target::ContactId(_)) => "contact_id".to_owned(),
        Some(Target::Address(address)) => {
            format!("member.{}", crate::address::type_name(address.r#type()))
        }
        Some(Target::Datakey(datakey)) => datakey.path.clone(),
        Some(Target::Field(field)) => field.path.clone(),
        Some(Target::Attach(_)) => "member.head.attach".to_owned(),
        Some(Target::Detach(_)) => "member.head.detach".to_owned(),
        Some(Target::Status(_)) => "/status".to_owned(),
        Some(Target::Ignored(_)) | None => String::new(),
    }
}
