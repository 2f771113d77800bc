//! Names that say what columns are, whatever the file called them: the way back from `caption.rs`.
//!
//! The report of refused rows has them, so that it is read as the file was, without its options.

use crate::address::type_name;
use crate::wire::v1::import_column::Target;
use crate::wire::v1::{AddressType, CellFormat, DatakeyColumn, DatakeyMode, ImportColumn};

use super::caption::{self, MEMBER, Others};

/// What a column is called in a report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReportName {
    /// Where its cells are text.
    pub name: String,
    /// Where its cells are JSON documents; empty for columns that take them as text just as well.
    pub json_name: String,
}

/// The names of all columns: those of the file where they mean the same, others where they do not.
/// What no name says, such as a datakey that begins like something else, keeps that of the file.
/// Those of an express import are texts, which keep theirs, too.
pub fn report_names(columns: &[ImportColumn], is_express: bool) -> Vec<ReportName> {
    let others_are = if is_express { Others::Text } else { Others::Notation };
    let file: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let mut names = file.clone();
    for (index, column) in columns.iter().enumerate().filter(|(_, column)| !is_dynamic(column)) {
        names[index] = named((index, column), column.target.as_ref(), (&file, others_are));
    }
    let others: Vec<(String, String)> = file
        .iter()
        .zip(&names)
        .filter(|(old, new)| old != new && !old.is_empty())
        .map(|(old, new)| (format!("{{{old}}}"), format!("{{{new}}}")))
        .collect();
    let known = names.clone();
    for (index, column) in columns.iter().enumerate().filter(|(_, column)| is_dynamic(column)) {
        names[index] =
            named((index, column), renamed(column, &others).as_ref(), (&known, others_are));
    }
    let as_json = |(index, column): (usize, &ImportColumn)| {
        let is_named = columns.iter().any(|other| refers(other, &column.name));
        let target = renamed(column, &others).and_then(json_target).filter(|_| !is_named)?;
        let name = notation(&target);
        means(index, &name, (&known, others_are), &target).then_some(name)
    };
    let json_names: Vec<String> =
        columns.iter().enumerate().map(|one| as_json(one).unwrap_or_default()).collect();
    let both = names.into_iter().zip(json_names);
    both.map(|(name, json_name)| ReportName { name, json_name }).collect()
}

/// The name of a column that is to mean `target` among columns of these names.
fn named(
    (index, column): (usize, &ImportColumn),
    target: Option<&Target>,
    names: (&[String], Others),
) -> String {
    let Some(target) = target else { return column.name.clone() };
    if means(index, &column.name, names, target) && !column.name.is_empty() {
        return column.name.clone();
    }
    let name = notation(target);
    if means(index, &name, names, target) { name } else { column.name.clone() }
}

fn means(index: usize, name: &str, (names, others): (&[String], Others), target: &Target) -> bool {
    let column = caption::column(index, (name, others), names, AddressType::Unspecified);
    let found = column.ok().and_then(|column| column.target);
    found.is_some_and(|found| spelled_out(found) == spelled_out(target.clone()))
}

/// A target in which what is left out is said.
fn spelled_out(mut target: Target) -> Target {
    if let Target::Datakey(datakey) = &mut target {
        if datakey.mode == 0 {
            datakey.set_mode(DatakeyMode::Set);
        }
        if datakey.format == 0 {
            datakey.set_format(CellFormat::Text);
        }
    }
    target
}

fn notation(target: &Target) -> String {
    match target {
        Target::Ignored(_) => "-".to_owned(),
        Target::ContactId(_) => "contact_id".to_owned(),
        Target::Status(_) => "/status".to_owned(),
        Target::Address(address) => format!("{MEMBER}{}", type_name(address.r#type())),
        Target::Field(field) => format!("@{}", field.path),
        Target::Attach(attach) => heads("attach", attach.r#type()),
        Target::Detach(detach) => heads("detach", detach.r#type()),
        Target::Datakey(datakey) => datakey_notation(datakey),
    }
}

fn heads(verb: &str, kind: AddressType) -> String {
    match kind {
        AddressType::Unspecified => format!("{MEMBER}head.{verb}"),
        kind => format!("{MEMBER}head.{verb}:{}", type_name(kind)),
    }
}

fn datakey_notation(datakey: &DatakeyColumn) -> String {
    let is_like_another = ["@", "=", "'="].iter().any(|start| datakey.path.starts_with(start));
    let mut name = match (datakey.calc, is_like_another) {
        (true, _) => "=".to_owned(),
        (false, true) => "\\".to_owned(),
        (false, false) => String::new(),
    };
    name.push_str(&datakey.path.replace(':', "\\:"));
    let mut part = |part: &str| {
        name.push(':');
        name.push_str(part);
    };
    if !matches!(datakey.mode(), DatakeyMode::Unspecified | DatakeyMode::Set) {
        let mode = datakey.mode().as_str_name().trim_start_matches("DATAKEY_MODE_");
        part(&mode.to_ascii_lowercase());
    }
    if !datakey.r#type.is_empty() {
        part(&datakey.r#type);
    }
    if datakey.format() == CellFormat::Json {
        part("json");
    }
    if datakey.write_empty {
        part("empty");
    }
    name
}

/// The same datakey for cells that are JSON, where text would not say the same: numbers that are
/// added, dates and what is deleted do not need it.
fn json_target(target: Target) -> Option<Target> {
    let Target::Datakey(mut datakey) = target else { return None };
    let is_text = datakey.format() != CellFormat::Json && !datakey.calc;
    let takes_values = datakey.r#type.is_empty() && datakey.mode() != DatakeyMode::Delete;
    (is_text && takes_values).then(|| {
        datakey.set_format(CellFormat::Json);
        Target::Datakey(datakey)
    })
}

fn is_dynamic(column: &ImportColumn) -> bool {
    matches!(&column.target, Some(Target::Datakey(datakey)) if datakey.dynamic)
}

/// Whether the datakey of a column is filled with cells of the column of a name.
fn refers(column: &ImportColumn, name: &str) -> bool {
    let Some(Target::Datakey(datakey)) = &column.target else { return false };
    datakey.dynamic && datakey.path.contains(&format!("{{{name}}}"))
}

/// What a column is where the columns that it refers to have other names.
fn renamed(column: &ImportColumn, others: &[(String, String)]) -> Option<Target> {
    let mut target = column.target.clone();
    if let Some(Target::Datakey(datakey)) = &mut target
        && datakey.dynamic
    {
        for (old, new) in others {
            datakey.path = datakey.path.replace(old, new);
        }
    }
    target
}
