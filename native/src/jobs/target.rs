//! What becomes of the rows of a job, by the columns of its file.

use std::path::Path;
use std::sync::Arc;

use super::groups;
use crate::express::ExpressPlan;
use crate::fault::Result;
use crate::import::Plan;
use crate::reading::{self, Inspection};
use crate::space::Space;
use crate::wire::v1::{ImportColumn, ImportOptions, StartImportRequest};

/// Tells what the file of an import is.
pub fn inspected(path: &Path, request: &StartImportRequest) -> Result<Inspection> {
    let reading = request.reading.clone().unwrap_or_default();
    let columns = request.options.as_ref().map_or(&[][..], |options| &options.columns);
    let inspect = if request.express { reading::inspect_express } else { reading::inspect };
    inspect(path, &reading, columns)
}

/// What becomes of rows.
pub enum Target {
    /// Members.
    Members(Arc<Plan>),
    /// Rows of an express list with a code.
    Express(Arc<ExpressPlan>, String),
}

/// What a job asks for, to be compiled by the policy of the moment.
pub struct Orders {
    options: ImportOptions,
    /// The code of its group or of its express list; empty without.
    group_id: String,
    is_express: bool,
}

impl Orders {
    /// What an import does with the columns of its file.
    pub fn of(request: &StartImportRequest, columns: Vec<ImportColumn>, group_id: &str) -> Self {
        let asked = request.options.clone().unwrap_or_default();
        Self {
            options: ImportOptions { columns, ..asked },
            group_id: group_id.to_owned(),
            is_express: request.express,
        }
    }

    /// Compiles them.
    pub fn target(&self, space: &Space) -> Result<Target> {
        if !self.is_express {
            return self.plan(space).map(Target::Members);
        }
        let plan = ExpressPlan::compile(space, &self.options)?;
        Ok(Target::Express(Arc::new(plan), self.group_id.clone()))
    }

    /// Compiles what they do with members, who join the group of the import.
    pub fn plan(&self, space: &Space) -> Result<Arc<Plan>> {
        let mut plan = Plan::compile(space, &self.options)?;
        groups::join(&mut plan, &self.group_id);
        Ok(Arc::new(plan))
    }
}
