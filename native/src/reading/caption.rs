//! What columns are, told from their names (seed 002, member.import, caption and firstline).

use crate::address::{address_types, type_name};
use crate::datakey::Path;
use crate::fault::Fault;
use crate::wire::v1::import_column::Target;
use crate::wire::v1::{
    AddressColumn, AddressType, AttachColumn, ContactIdColumn, DatakeyColumn, DatakeyMode,
    DetachColumn, ErrorReason, FieldColumn, IgnoredColumn, ImportColumn, StatusColumn,
};

use super::limits::{NAME_BYTES_MAX, SHOWN_CHARACTERS_MAX};
use super::notation::{self, Problem};

/// What stands before the types of addresses and before the keys of the system.
pub(super) const MEMBER: &str = "member.";

/// System keys of heads that a column may write, as `SetMember` does.
const SYSTEM_KEYS: [&str; 3] = ["member.origin", "member.error.error", "member.lockconfirm"];

/// The phone type by the name that the seeds give its column.
const CELLPHONE: &str = "cellphone";

/// What a name means that is no key and no column of identifiers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Others {
    /// A datakey with what is done there: `PATH[:MODE][:TYPE][:FORMAT]`.
    #[default]
    Notation,
    /// A datakey and nothing else, as in `SetMember`.
    Datakey,
    /// A text, which is no datakey.
    Text,
}

/// The column of a name. `names` are those of all columns, for datakeys that refer to others;
/// `addr_type` is the type of identifiers where the name does not say it.
pub(super) fn column(
    index: usize,
    (name, others): (&str, Others),
    names: &[String],
    addr_type: AddressType,
) -> Result<ImportColumn, Fault> {
    let name = name.trim();
    if name.len() > NAME_BYTES_MAX {
        return Err(invalid(index, name, &format!("is longer than {NAME_BYTES_MAX} bytes")));
    }
    let target = target((name, others), names, addr_type)
        .map_err(|problem| invalid(index, name, &problem))?;
    Ok(ImportColumn { name: name.to_owned(), target: Some(target) })
}

/// Refuses the name of a column; `problem` completes "The name of the column …".
pub(super) fn invalid(index: usize, name: &str, problem: &str) -> Fault {
    let name: String = name.chars().take(SHOWN_CHARACTERS_MAX).collect();
    let message = format!("The name of column {}, {name:?}, {problem}.", index + 1);
    Fault::new(ErrorReason::ImportColumnInvalid, message).with("column", index).with("name", name)
}

fn target(
    (name, others): (&str, Others),
    names: &[String],
    addr_type: AddressType,
) -> Result<Target, Problem> {
    Ok(match name {
        "" | "-" => Target::Ignored(IgnoredColumn {}),
        "contact_id" => Target::ContactId(ContactIdColumn {}),
        "external_customer_id" => address(AddressType::Csid),
        "/status" => Target::Status(StatusColumn {}),
        _ => {
            if let Some(path) = name.strip_prefix('@') {
                return Ok(Target::Field(FieldColumn { path: path.to_owned() }));
            }
            if let Some(heads) = heads(name, addr_type)? {
                return Ok(heads);
            }
            let key = match others {
                Others::Datakey => name,
                Others::Notation | Others::Text => {
                    name.split_once(':').map_or(name, |(key, _)| key)
                }
            };
            if let Some(kind) = name.strip_prefix(MEMBER).filter(|_| !SYSTEM_KEYS.contains(&key)) {
                return address_type(kind).map(address).ok_or_else(unknown_key);
            }
            Target::Datakey(match others {
                Others::Notation => datakey(name, names)?,
                Others::Datakey => checked(plain(name.to_owned()), names)?,
                Others::Text => plain(text_path(name)),
            })
        }
    })
}

/// A column whose cells are set at a datakey.
fn plain(path: String) -> DatakeyColumn {
    DatakeyColumn { path, mode: DatakeyMode::Set.into(), ..DatakeyColumn::default() }
}

/// A datakey of one element for a text. The contract wants one, although nobody reads it.
fn text_path(text: &str) -> String {
    if text == "*" {
        // It means every element, and there is no other way to write it.
        return "'*'".to_owned();
    }
    let mut path = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '\\' | '.' | '[' | ']') {
            path.push('\\');
        }
        path.push(char);
    }
    path
}

/// Whether the cells of a column of this name are added to what is stored.
pub(super) fn is_calc(name: &str) -> bool {
    calc_name(name.trim()).is_some()
}

/// The datakey behind `=`. Reports of rejected rows write `'=`, which spreadsheets do not take for
/// a formula.
fn calc_name(name: &str) -> Option<&str> {
    name.strip_prefix('\'').unwrap_or(name).strip_prefix('=')
}

fn address(kind: AddressType) -> Target {
    Target::Address(AddressColumn { r#type: kind.into() })
}

/// The type of a name such as `email` or `cellphone`.
pub(super) fn address_type(name: &str) -> Option<AddressType> {
    if name == CELLPHONE {
        return Some(AddressType::Msisdn);
    }
    address_types().find(|kind| type_name(*kind) == name)
}

fn unknown_key() -> Problem {
    let types: Vec<String> =
        address_types().map(|kind| format!("{MEMBER}{}", type_name(kind))).collect();
    format!("is unknown; known are {}, {}", types.join(", "), SYSTEM_KEYS.join(", "))
}

/// Columns that attach and detach, with the type of their cells where the name has one.
fn heads(name: &str, addr_type: AddressType) -> Result<Option<Target>, Problem> {
    let (key, kind) = match name.split_once(':') {
        Some((key, kind)) => (key, Some(kind)),
        None => (name, None),
    };
    let attaches = match key {
        "member.head.attach" | "member.attach" => true,
        "member.head.detach" | "member.detach" => false,
        _ => return Ok(None),
    };
    let kind = match kind {
        Some(kind) => address_type(kind).ok_or("has no type of addresses behind its colon")?,
        // These two are recognised, so that such a column may hold both.
        None if matches!(addr_type, AddressType::Email | AddressType::Msisdn) => {
            AddressType::Unspecified
        }
        None => addr_type,
    };
    let kind = kind.into();
    Ok(Some(if attaches {
        Target::Attach(AttachColumn { r#type: kind })
    } else {
        Target::Detach(DetachColumn { r#type: kind })
    }))
}

/// A datakey; `=` before it adds to what is stored. `\=`, `\'=` and `\@` begin one themselves.
fn datakey(name: &str, names: &[String]) -> Result<DatakeyColumn, Problem> {
    let is_escaped = ["\\@", "\\=", "\\'="].iter().any(|start| name.starts_with(start));
    let (name, calc) = match calc_name(name) {
        Some(name) => (name.trim_start(), true),
        None if is_escaped => (&name[1..], false),
        None => (name, false),
    };
    let column = notation::parse_datakey(name)?;
    checked(DatakeyColumn { calc, ..column }, names)
}

/// Checks the path of a column, and says whether it refers to others.
pub(super) fn checked(
    mut column: DatakeyColumn,
    names: &[String],
) -> Result<DatakeyColumn, Problem> {
    let mut path = column.path.clone();
    for name in names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        let reference = format!("{{{name}}}");
        if path.contains(&reference) {
            column.dynamic = true;
            // A cell fills its place as one element or a part of one.
            path = path.replace(&reference, "x");
        }
    }
    Path::parse(0, &path).map_err(|fault| {
        let message = fault.message.trim_end_matches('.');
        format!("is no datakey: {}{}", message[..1].to_lowercase(), &message[1..])
    })?;
    Ok(column)
}

/// The column of an entry of a JSON caption that says what is done at a datakey.
pub(super) fn with_entry(
    column: ImportColumn,
    mode: Option<&str>,
    kind: Option<&str>,
    calc: bool,
) -> Result<ImportColumn, Problem> {
    let ImportColumn { name, target } = column;
    let Some(Target::Datakey(mut datakey)) = target else {
        return Ok(ImportColumn { name, target });
    };
    if let Some(mode) = mode.filter(|mode| !mode.is_empty()) {
        let mode = notation::column_mode(mode).ok_or("has an unknown mode")?;
        datakey.set_mode(mode);
    }
    if let Some(kind) = kind {
        kind.clone_into(&mut datakey.r#type);
    }
    datakey.calc |= calc;
    Ok(ImportColumn { name, target: Some(Target::Datakey(datakey)) })
}
