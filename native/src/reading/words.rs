//! What columns do, in words for people.

use crate::address::type_name;
use crate::wire::v1::import_column::Target;
use crate::wire::v1::{
    AddressType, CellFormat, DatakeyColumn, DatakeyMode, ImportColumn, ProbedColumn,
};

/// A column as people read of it.
pub fn probed(column: &ImportColumn) -> ProbedColumn {
    let (dynamic, calc) = match &column.target {
        Some(Target::Datakey(datakey)) => (datakey.dynamic, datakey.calc),
        _ => (false, false),
    };
    ProbedColumn {
        name: column.name.clone(),
        meaning: meaning(column),
        dynamic,
        ignored: matches!(column.target, Some(Target::Ignored(_)) | None),
        calc,
    }
}

fn meaning(column: &ImportColumn) -> String {
    match &column.target {
        None | Some(Target::Ignored(_)) => "is not read".to_owned(),
        Some(Target::ContactId(_)) => "matches by the number of the member".to_owned(),
        Some(Target::Address(address)) if address.r#type() == AddressType::Csid => {
            "matches by and attaches the external customer id".to_owned()
        }
        Some(Target::Address(address)) => {
            format!("matches by and attaches the address of type {}", type_name(address.r#type()))
        }
        Some(Target::Field(field)) => {
            format!("matches by the field {}, and fills it where it is empty", field.path)
        }
        Some(Target::Attach(attach)) => {
            format!("attaches identifiers of {}", kinds(attach.r#type()))
        }
        Some(Target::Detach(detach)) => {
            format!("detaches identifiers of {}", kinds(detach.r#type()))
        }
        Some(Target::Status(_)) => "says whether the identifier takes part".to_owned(),
        Some(Target::Datakey(datakey)) => datakey_meaning(datakey),
    }
}

fn kinds(kind: AddressType) -> String {
    match kind {
        AddressType::Unspecified => "type email or msisdn, whichever a cell looks like".to_owned(),
        kind => format!("type {}", type_name(kind)),
    }
}

fn datakey_meaning(datakey: &DatakeyColumn) -> String {
    let mode = match datakey.mode() {
        DatakeyMode::Unspecified => DatakeyMode::Set,
        mode => mode,
    };
    let mode = mode.as_str_name().trim_start_matches("DATAKEY_MODE_").to_ascii_lowercase();
    let mut meaning = match (datakey.calc, mode.as_str()) {
        (true, _) => format!("adds to the number at the datakey {}", datakey.path),
        (false, "delete") => format!("deletes the datakey {}", datakey.path),
        (false, mode) => format!("changes the datakey {} in the mode {mode}", datakey.path),
    };
    if datakey.dynamic {
        meaning.push_str(", filled in for each row");
    }
    if !datakey.r#type.is_empty() {
        meaning.push_str(", as a date of type ");
        meaning.push_str(&datakey.r#type);
    }
    if datakey.format() == CellFormat::Json {
        meaning.push_str(", from JSON");
    }
    if datakey.write_empty {
        meaning.push_str(", empty cells too");
    }
    meaning
}
