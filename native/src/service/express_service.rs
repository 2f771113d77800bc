//! `ExpressService`: the lists of express imports.

use std::sync::Arc;
use std::time::Instant;

use prost::Message;

use crate::core::Core;
use crate::express::{self, CleanList, DeleteList, UseList};
use crate::fault::{Fault, Result};
use crate::matching::AddressBook;
use crate::service::limits::page_size;
use crate::space::Space;
use crate::store::keys::ID_BYTES_MAX;
use crate::wire::storage::ExpressListRecord;
use crate::wire::v1::{self, ErrorReason};

/// Lists of one page, and of one that says nothing.
const PAGE_LISTS_MAX: usize = 1_000;
const PAGE_LISTS: usize = 100;

/// Rows of one page, and of one that says nothing.
const PAGE_ROWS_MAX: usize = 10_000;
const PAGE_ROWS: usize = 1_000;

/// `ListExpressLists`.
pub fn list_express_lists(
    core: &Core,
    request: &v1::ListExpressListsRequest,
) -> Result<v1::ListExpressListsResponse> {
    let space = core.spaces().get(request.space.as_ref())?;
    let lists_max = page_size(request.page_size, (PAGE_LISTS, PAGE_LISTS_MAX))?;
    if request.after_id.len() > ID_BYTES_MAX {
        return Err(Fault::limit("after_id", ID_BYTES_MAX, request.after_id.len()));
    }
    let now_seconds = core.moment(&space).now.as_second();
    core.read(&AddressBook::default(), |view, _| {
        let place = (space.number, request.after_id.as_str());
        let page = express::page(view, place, lists_max, now_seconds)?;
        let lists = page.iter().map(|(id, record)| to_wire(id, record)).collect();
        Ok(v1::ListExpressListsResponse { lists })
    })
}

/// `GetExpressList`.
pub fn get_express_list(
    core: &Core,
    request: &v1::GetExpressListRequest,
) -> Result<v1::GetExpressListResponse> {
    let (space, id) = named(core, request.space.as_ref(), &request.id)?;
    let record = read(core, &space, id)?;
    let caption = v1::ExpressCaption {
        address: record.address_column.clone(),
        columns: record.columns.clone(),
    };
    Ok(v1::GetExpressListResponse { list: Some(to_wire(id, &record)), caption: Some(caption) })
}

/// `ReadExpressList`.
pub fn read_express_list(
    core: &Core,
    request: &v1::ReadExpressListRequest,
    deadline: Option<Instant>,
) -> Result<v1::ReadExpressListResponse> {
    let (space, id) = named(core, request.space.as_ref(), &request.id)?;
    let rows_max = page_size(request.page_size, (PAGE_ROWS, PAGE_ROWS_MAX))?;
    let now_seconds = core.moment(&space).now.as_second();
    // Every page is use, of which one note a second is enough.
    if read(core, &space, id)?.used_seconds != now_seconds {
        core.operate(&space, Box::new(UseList { id: id.to_owned() }), deadline)?;
    }
    core.read(&AddressBook::default(), |view, _| {
        let record = express::find(view, (space.number, id), now_seconds)?;
        let list = (space.number, record.number);
        Ok(express::rows(view, list, request.from_row, rows_max)?)
    })
}

/// `CleanExpressList`.
pub fn clean_express_list(
    core: &Core,
    request: &v1::CleanExpressListRequest,
    deadline: Option<Instant>,
) -> Result<v1::CleanExpressListResponse> {
    let (space, id) = named(core, request.space.as_ref(), &request.id)?;
    loop {
        let slice = Box::new(CleanList { id: id.to_owned() });
        let outcome = core.operate(&space, slice, deadline)?;
        let record = ExpressListRecord::decode(outcome).map_err(Fault::internal)?;
        if record.rows == 0 {
            return Ok(v1::CleanExpressListResponse { list: Some(to_wire(id, &record)) });
        }
    }
}

/// `DeleteExpressList`.
pub fn delete_express_list(
    core: &Core,
    request: &v1::DeleteExpressListRequest,
    deadline: Option<Instant>,
) -> Result<v1::DeleteExpressListResponse> {
    let (space, id) = named(core, request.space.as_ref(), &request.id)?;
    let mut number = 0;
    loop {
        let slice = Box::new(DeleteList { id: id.to_owned(), number });
        let outcome = core.operate(&space, slice, deadline)?;
        if outcome.is_empty() {
            return Ok(v1::DeleteExpressListResponse {});
        }
        number = ExpressListRecord::decode(outcome).map_err(Fault::internal)?.number;
    }
}

/// The space and the code of a list in a request.
fn named<'a>(core: &Core, space: Option<&v1::Space>, id: &'a str) -> Result<(Arc<Space>, &'a str)> {
    let space = core.spaces().get(space)?;
    if id.is_empty() {
        return Err(Fault::required("id"));
    }
    if id.len() > ID_BYTES_MAX {
        return Err(Fault::new(
            ErrorReason::ExpressListUnknown,
            "No express list has a code as long as this.",
        )
        .with("list_id", ""));
    }
    Ok((space, id))
}

fn read(core: &Core, space: &Space, id: &str) -> Result<ExpressListRecord> {
    let now_seconds = core.moment(space).now.as_second();
    core.read(&AddressBook::default(), |view, _| {
        express::find(view, (space.number, id), now_seconds)
    })
}

fn to_wire(id: &str, record: &ExpressListRecord) -> v1::ExpressList {
    v1::ExpressList {
        id: id.to_owned(),
        name: record.name.clone(),
        created_seconds: record.created_seconds,
        used_seconds: record.used_seconds,
        expires_seconds: record.expires_seconds,
        count: record.rows,
        bytes: record.bytes,
        address_type: i32::try_from(record.address_type).unwrap_or_default(),
        job_id: record.number,
    }
}
