//! What the columns of an import mean, compiled once.

use crate::datakey::{ColumnChange, Path};
use crate::fault::{Fault, Result};
use crate::import::dynamic::DynamicColumn;
use crate::import::orders::{self, AttachRule};
use crate::json;
use crate::matching::{Policy, fields};
use crate::member::origins::OriginName;
use crate::member::system::HeadChange;
use crate::space::Space;
use crate::wire::storage::SequenceMark;
use crate::wire::v1::import_column::Target;
use crate::wire::v1::{
    AddressType, CellFormat, DatakeyChange, DatakeyColumn, DatakeyMode, IfExists, ImportColumn,
    ImportOptions, Warning,
};
use crate::write::prepare::{check_source, ignored};

/// Columns of one import; spreadsheets have fewer.
const COLUMNS_MAX: usize = 1_000;

/// Bytes of the name of a column: a line that a person reads.
const NAME_BYTES_MAX: usize = 1_024;

/// One column.
#[derive(Debug)]
pub enum Column {
    /// Matches by number.
    ContactId,
    /// Matches by and attaches an address.
    Address(AddressType),
    /// Changes data.
    Datakey(Box<ColumnChange>),
    /// Changes the head through a system key.
    System(Box<SystemColumn>),
    /// Matches by a declared field.
    Field(String),
    /// Changes data where each row says.
    Dynamic(Box<DynamicColumn>),
    /// Attaches further addresses; an unspecified type is recognised.
    Attach(AddressType),
    /// Takes addresses away; likewise.
    Detach(AddressType),
    /// Says whether the address of the row takes part.
    Status,
    /// Not read.
    Ignored,
}

impl Column {
    /// Whether members are matched by the cells.
    pub fn is_key(&self) -> bool {
        matches!(self, Self::ContactId | Self::Address(_) | Self::Field(_))
    }
}

/// A column whose datakey is a system key.
#[derive(Debug)]
pub struct SystemColumn {
    index: usize,
    path: Path,
    mode: DatakeyMode,
    is_json: bool,
    write_empty: bool,
}

/// What a cell does through a system key.
pub enum SystemCell {
    /// It leaves the head as it is.
    Nothing,
    /// It changes the head.
    Changes(HeadChange),
    /// The system key takes no changes.
    Ignored(Warning),
}

impl SystemColumn {
    /// One that was checked like any other column of a datakey.
    fn new(index: usize, change: &ColumnChange, column: &DatakeyColumn) -> Self {
        Self {
            index,
            path: change.path().clone(),
            mode: match column.mode() {
                DatakeyMode::Unspecified => DatakeyMode::Set,
                mode => mode,
            },
            is_json: column.format() == CellFormat::Json,
            write_empty: column.write_empty,
        }
    }

    /// What a cell of a row asks for, as the same change of a call would.
    pub fn cell(&self, text: &str, is_json: bool) -> Result<SystemCell> {
        let text = if is_json && text.trim_ascii() == "null" { "" } else { text };
        if text.is_empty() && !self.write_empty {
            return Ok(SystemCell::Nothing);
        }
        let mut value = String::new();
        match self.mode {
            DatakeyMode::Delete if text.is_empty() => return Ok(SystemCell::Nothing),
            DatakeyMode::Delete => {}
            _ if self.is_json || is_json => value.push_str(text),
            _ => json::quote(text, &mut value),
        }
        let change = DatakeyChange {
            path: self.path.text().to_owned(),
            mode: self.mode.into(),
            value: value.into(),
            ..DatakeyChange::default()
        };
        let Some(reserved) = self.path.reserved() else {
            return Ok(SystemCell::Nothing);
        };
        let compiled = HeadChange::compile(self.index, &change, &reserved);
        Ok(match compiled.map_err(|fault| fault.with("index", self.index))? {
            Some(change) => SystemCell::Changes(change),
            None => SystemCell::Ignored(ignored(self.index, &change.path)),
        })
    }
}

/// How the rows of an import apply.
#[derive(Debug)]
pub struct Plan {
    /// The columns, in the order of the cells.
    pub columns: Vec<Column>,
    /// The order of keys.
    pub policy: Policy,
    /// The condition of every row.
    pub if_exists: IfExists,
    /// Whether new e-mail heads wait for confirmation.
    pub newbie_confirm: bool,
    /// The IP address of the original request.
    pub source: String,
    /// Where the column of the status is.
    pub status: Option<usize>,
    /// How further addresses are attached.
    pub attach: AttachRule,
    /// The origin of members that rows make; `None` is none.
    pub origin: Option<OriginName>,
    /// The list groups that the address of every row leaves and joins.
    pub groups: Vec<HeadChange>,
    /// Whether addresses get their numbers and nothing else happens.
    pub no_member: bool,
    /// What changes say to triggers.
    pub sequence: Option<SequenceMark>,
    /// What the change that makes a member says besides.
    pub event_key: String,
}

impl Plan {
    /// Compiles the options of an import.
    pub fn compile(space: &Space, options: &ImportOptions) -> Result<Self> {
        let count = options.columns.len();
        if count > COLUMNS_MAX {
            return Err(Fault::limit("columns", COLUMNS_MAX, count));
        }
        check_source(&options.source)?;
        let compile = |(index, column): (usize, &ImportColumn)| {
            compile(space, index, column, &options.columns)
                .map_err(|fault| fault.with("column", index))
        };
        let columns: Vec<Column> =
            options.columns.iter().enumerate().map(compile).collect::<Result<_>>()?;
        if !columns.iter().any(Column::is_key) {
            return Err(Fault::required("columns with a contact id, an address or a field"));
        }
        let status = status(&columns)?;
        if options.no_member {
            orders::check_no_member(&columns, options)?;
        }
        Ok(Self {
            columns,
            status,
            attach: AttachRule::compile(options.head_attach.as_ref())?,
            policy: Policy::compile(options.policy.as_ref())?,
            if_exists: IfExists::try_from(options.if_exists)
                .map_err(|_| Fault::invalid("if_exists", "is not a known condition"))?,
            newbie_confirm: options.newbie_confirm,
            source: options.source.clone(),
            origin: orders::origin(options)?,
            groups: orders::groups(options.groups.as_ref())?,
            no_member: options.no_member,
            sequence: orders::sequence(options)?,
            event_key: orders::event_key(options)?,
        })
    }

    /// Whether changes may set off actions.
    pub fn sets_off_actions(&self) -> bool {
        self.sequence.as_ref().is_some_and(|sequence| sequence.event)
    }

    /// Whether triggers must know of every member of the import, changed or not.
    pub fn concerns_all(&self) -> bool {
        let asks =
            |sequence: &SequenceMark| !sequence.stop.is_empty() || !sequence.start.is_empty();
        self.sequence.as_ref().is_some_and(asks)
    }
}

fn compile(
    space: &Space,
    index: usize,
    column: &ImportColumn,
    columns: &[ImportColumn],
) -> Result<Column> {
    if column.name.len() > NAME_BYTES_MAX {
        return Err(Fault::limit("columns.name", NAME_BYTES_MAX, column.name.len()));
    }
    let target = column.target.as_ref().ok_or_else(|| Fault::required("columns.target"))?;
    Ok(match target {
        Target::ContactId(_) => Column::ContactId,
        Target::Ignored(_) => Column::Ignored,
        Target::Status(_) => Column::Status,
        Target::Attach(attach) => Column::Attach(known_type(attach.r#type, "columns.attach.type")?),
        Target::Detach(detach) => Column::Detach(known_type(detach.r#type, "columns.detach.type")?),
        Target::Address(address) => match known_type(address.r#type, "columns.address.type")? {
            AddressType::Unspecified => {
                return Err(Fault::invalid("columns.address.type", "is not a known address type"));
            }
            kind => Column::Address(kind),
        },
        Target::Datakey(datakey) if datakey.dynamic => {
            Column::Dynamic(Box::new(DynamicColumn::compile(index, datakey, columns)?))
        }
        Target::Field(field) => {
            fields::declared(space, &field.path)?;
            Column::Field(field.path.clone())
        }
        Target::Datakey(datakey) => {
            let change = ColumnChange::compile(index, datakey)?;
            if change.path().reserved().is_some() {
                if datakey.calc {
                    return Err(Fault::invalid("columns.datakey.calc", "is not for system keys"));
                }
                Column::System(Box::new(SystemColumn::new(index, &change, datakey)))
            } else {
                Column::Datakey(Box::new(change))
            }
        }
    })
}

fn known_type(kind: i32, field: &str) -> Result<AddressType> {
    AddressType::try_from(kind).map_err(|_| Fault::invalid(field, "is not a known address type"))
}

/// Where the column of the status is; it is of the address by which a row is found.
fn status(columns: &[Column]) -> Result<Option<usize>> {
    let mut found = (0..).zip(columns).filter(|(_, column)| matches!(column, Column::Status));
    let first = found.next().map(|(index, _)| index);
    if found.next().is_some() {
        return Err(Fault::invalid("columns.status", "must be one column"));
    }
    let mut keys = columns.iter().filter(|column| column.is_key());
    if first.is_some() && !keys.all(|key| matches!(key, Column::Address(AddressType::Tg))) {
        return Err(Fault::invalid("columns.status", "needs Telegram addresses as the only keys"));
    }
    Ok(first)
}
