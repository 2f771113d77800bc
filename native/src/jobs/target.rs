//! What becomes of the rows of a job, by the columns of its file.

use std::sync::Arc;

use super::groups;
use crate::express::ExpressPlan;
use crate::fault::Result;
use crate::import::Plan;
use crate::space::Space;
use crate::wire::v1::{ImportColumn, ImportOptions, StartImportRequest};

/// What becomes of rows.
#[derive(Clone)]
pub enum Target {
    /// Members.
    Members(Arc<Plan>),
    /// Rows of an express list with a code.
    Express(Arc<ExpressPlan>, String),
}

impl Target {
    /// Compiles what an import does with the columns of its file, and its options with all that
    /// they order by then: rows for members join its group.
    pub fn of(
        space: &Space,
        request: &StartImportRequest,
        columns: Vec<ImportColumn>,
        group_id: &str,
    ) -> Result<(Self, ImportOptions)> {
        let asked = request.options.clone().unwrap_or_default();
        let mut options = ImportOptions { columns, ..asked };
        let list_id = request.express.then_some(group_id);
        if list_id.is_none() {
            groups::join(&mut options, group_id);
        }
        Ok((Self::compile(space, &options, list_id)?, options))
    }

    /// Compiles complete options.
    pub fn compile(space: &Space, options: &ImportOptions, list_id: Option<&str>) -> Result<Self> {
        Ok(match list_id {
            None => Self::Members(Arc::new(Plan::compile(space, options)?)),
            Some(id) => {
                Self::Express(Arc::new(ExpressPlan::compile(space, options)?), id.to_owned())
            }
        })
    }

    /// The code of the express list, if it is one.
    pub fn list_id(&self) -> Option<&str> {
        match self {
            Self::Members(_) => None,
            Self::Express(_, id) => Some(id),
        }
    }
}
