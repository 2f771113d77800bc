//! What can be refused of an import before its file is seen.

use super::target::Orders;
use crate::express;
use crate::fault::{Fault, Result};
use crate::member::groups::NAME_BYTES_MAX as GROUP_NAME_BYTES_MAX;
use crate::reading::limits::{COLUMNS_MAX, NAME_BYTES_MAX as COLUMN_NAME_BYTES_MAX};
use crate::space::Space;
use crate::store::keys::ID_BYTES_MAX;
use crate::wire::v1::import_column::Target;
use crate::wire::v1::import_source::Source;
use crate::wire::v1::{
    AddressColumn, AddressType, AutoGroup, Charset, FileShape, FirstLine, ImportColumn,
    ImportOptions, ImportReading, Separator, StartImportRequest, UrlSource,
};

/// Bytes of what a caller wants to find again with an import, as the seed says.
const TRACK_INFO_BYTES_MAX: usize = 1_024;
/// Attempts to fetch a file: with the longest interval more than three months.
const ATTEMPTS_MAX: usize = 100;
/// Seconds between two attempts: a day.
const INTERVAL_SECONDS_MAX: usize = 86_400;
/// Bytes of a URL, with the longest names that servers take.
const URL_BYTES_MAX: usize = 4_096;
/// Bytes of the name of an upload, a probe or a secret; they are made up by servers and operators.
const NAME_BYTES_MAX: usize = 128;
/// Bytes of the name of a sheet: spreadsheets allow 31 characters.
const SHEET_BYTES_MAX: usize = 1_024;

/// Refuses what cannot be imported whatever the file has.
pub fn checked(space: &Space, request: &StartImportRequest) -> Result<()> {
    bounded("track_info", request.track_info.len(), TRACK_INFO_BYTES_MAX)?;
    source(request)?;
    let options = request.options.as_ref().ok_or_else(|| Fault::required("options"))?;
    reading(request.reading.as_ref().unwrap_or(&ImportReading::default()), options)?;
    orders(space, request)
}

/// Refuses what an import cannot do with rows, wherever they come from.
pub fn orders(space: &Space, request: &StartImportRequest) -> Result<()> {
    let options = request.options.as_ref().ok_or_else(|| Fault::required("options"))?;
    if !options.import_id.is_empty() {
        return Err(Fault::invalid("options.import_id", "must be empty: the operation resumes"));
    }
    if options.validate_only {
        return Err(Fault::invalid("options.validate_only", "is not taken; probe the import"));
    }
    if request.express {
        express::check(request, options)?;
    }
    groups(request, options)?;
    // Without columns the first line of the file names them; all else is checked beside one that no
    // import refuses.
    let columns =
        if options.columns.is_empty() { vec![addresses()] } else { options.columns.clone() };
    Orders::of(request, columns, "").target(space).map(drop)
}

fn addresses() -> ImportColumn {
    let target = Target::Address(AddressColumn { r#type: AddressType::Email.into() });
    ImportColumn { target: Some(target), ..ImportColumn::default() }
}

fn source(request: &StartImportRequest) -> Result<()> {
    let source = request.source.as_ref().and_then(|source| source.source.as_ref());
    match source.ok_or_else(|| Fault::required("source"))? {
        Source::Inline(_) => Ok(()),
        Source::Upload(upload) => named("source.upload", upload),
        Source::ProbeUid(uid) => named("source.probe_uid", uid),
        Source::Url(source) => url(source),
    }
}

fn url(source: &UrlSource) -> Result<()> {
    if source.url.is_empty() {
        return Err(Fault::required("source.url.url"));
    }
    bounded("source.url.url", source.url.len(), URL_BYTES_MAX)?;
    bounded("source.url.secret", source.secret.len(), NAME_BYTES_MAX)?;
    bounded("source.url.attempts", number(source.attempts), ATTEMPTS_MAX)?;
    let interval = number(source.interval_seconds);
    bounded("source.url.interval_seconds", interval, INTERVAL_SECONDS_MAX)
}

/// Refuses how a file is read where the server does not know it, or the columns say it already.
pub fn reading(reading: &ImportReading, options: &ImportOptions) -> Result<()> {
    let known = |is_known: bool, field: &str| {
        if is_known { Ok(()) } else { Err(Fault::invalid(field, "is not known")) }
    };
    known(FileShape::try_from(reading.shape).is_ok(), "reading.shape")?;
    known(Charset::try_from(reading.charset).is_ok(), "reading.charset")?;
    known(Separator::try_from(reading.separator).is_ok(), "reading.separator")?;
    known(FirstLine::try_from(reading.first_line).is_ok(), "reading.first_line")?;
    known(AddressType::try_from(reading.addr_type).is_ok(), "reading.addr_type")?;
    bounded("reading.sheet", reading.sheet.len(), SHEET_BYTES_MAX)?;
    bounded("reading.prefix", reading.prefix.len(), COLUMN_NAME_BYTES_MAX)?;
    bounded("reading.names", reading.names.len(), COLUMNS_MAX)?;
    bounded("reading.renames", reading.renames.len(), COLUMNS_MAX)?;
    let name = |field, name: &String| bounded(field, name.len(), COLUMN_NAME_BYTES_MAX);
    reading.names.iter().try_for_each(|one| name("reading.names", one))?;
    let renames = reading.renames.iter().flat_map(|(one, other)| [one, other]);
    renames.into_iter().try_for_each(|one| name("reading.renames", one))?;
    if options.columns.is_empty() { Ok(()) } else { no_names(reading) }
}

/// Refuses what says what columns are, where the options say it: it would do nothing.
fn no_names(reading: &ImportReading) -> Result<()> {
    let others = [
        ("reading.names", !reading.names.is_empty()),
        ("reading.renames", !reading.renames.is_empty()),
        ("reading.prefix", !reading.prefix.is_empty()),
        ("reading.addr_type", reading.addr_type() != AddressType::Unspecified),
    ];
    match others.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((second, _)) => {
            let first = "options.columns";
            let message = format!("{first} say what {second} would; leave one of them out.");
            Err(Fault::conflict(first, second, message))
        }
    }
}

fn groups(request: &StartImportRequest, options: &ImportOptions) -> Result<()> {
    let none = AutoGroup::default();
    let group = request.auto_group.as_ref().unwrap_or(&none);
    bounded("auto_group.id", group.id.len(), ID_BYTES_MAX)?;
    bounded("auto_group.name", group.name.len(), GROUP_NAME_BYTES_MAX)?;
    if request.clean_group && group.id.is_empty() {
        return Err(Fault::required("auto_group.id"));
    }
    if options.no_member && request.auto_group.is_some() {
        return Err(conflict("options.no_member", "auto_group"));
    }
    if options.no_member && options.groups.is_some() {
        return Err(conflict("options.no_member", "options.groups"));
    }
    Ok(())
}

fn conflict(first: &str, second: &str) -> Fault {
    let message = format!("{first} makes no members, who could be in {second}; leave one out.");
    Fault::conflict(first, second, message)
}

fn named(field: &str, name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Fault::required(field));
    }
    bounded(field, name.len(), NAME_BYTES_MAX)
}

fn bounded(field: &str, actual: usize, max: usize) -> Result<()> {
    if actual > max { Err(Fault::limit(field, max, actual)) } else { Ok(()) }
}

fn number(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
