//! What the columns of an import mean, compiled once.

use crate::datakey::ColumnChange;
use crate::fault::{Fault, Result};
use crate::matching::{Policy, fields};
use crate::space::Space;
use crate::wire::v1::import_column::Target;
use crate::wire::v1::{AddressType, IfExists, ImportColumn, ImportOptions};
use crate::write::prepare::check_source;

/// Columns of one import; spreadsheets have fewer.
const COLUMNS_MAX: usize = 1_000;

/// One column.
#[derive(Debug)]
pub enum Column {
    /// Matches by number.
    ContactId,
    /// Matches by and attaches an address.
    Address(AddressType),
    /// Changes data.
    Datakey(Box<ColumnChange>),
    /// Matches by a declared field.
    Field(String),
    /// Not read.
    Ignored,
}

impl Column {
    /// Whether members are matched by the cells.
    pub fn is_key(&self) -> bool {
        matches!(self, Self::ContactId | Self::Address(_) | Self::Field(_))
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
            compile(space, index, column).map_err(|fault| fault.with("column", index))
        };
        let columns: Vec<Column> =
            options.columns.iter().enumerate().map(compile).collect::<Result<_>>()?;
        if !columns.iter().any(Column::is_key) {
            return Err(Fault::required("columns with a contact id, an address or a field"));
        }
        Ok(Self {
            columns,
            policy: Policy::compile(options.policy.as_ref())?,
            if_exists: IfExists::try_from(options.if_exists)
                .map_err(|_| Fault::invalid("if_exists", "is not a known condition"))?,
            newbie_confirm: options.newbie_confirm,
            source: options.source.clone(),
        })
    }
}

fn compile(space: &Space, index: usize, column: &ImportColumn) -> Result<Column> {
    let target = column.target.as_ref().ok_or_else(|| Fault::required("columns.target"))?;
    Ok(match target {
        Target::ContactId(_) => Column::ContactId,
        Target::Ignored(_) => Column::Ignored,
        Target::Address(address) => match AddressType::try_from(address.r#type) {
            Ok(kind) if kind != AddressType::Unspecified => Column::Address(kind),
            _ => return Err(Fault::invalid("columns.address.type", "is not a known address type")),
        },
        Target::Field(field) => {
            fields::declared(space, &field.path)?;
            Column::Field(field.path.clone())
        }
        Target::Datakey(datakey) => {
            Column::Datakey(Box::new(ColumnChange::compile(index, datakey)?))
        }
    })
}
