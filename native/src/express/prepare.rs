//! Rows become a segment of a list, on the thread that reads the file.

use std::sync::Arc;

use bytes::Bytes;

use super::plan::ExpressPlan;
use crate::address;
use crate::fault::{Fault, Result};
use crate::import::rows::{cell_text, check_json_cells, text_of_json, too_many_cells};
use crate::reading::SourceBatch;
use crate::space::Space;
use crate::store::{keys, records};
use crate::wire::storage::{ExpressRowList, ExpressRowRecord, ExpressSegment};
use crate::wire::v1::{AddressType, ErrorReason, ImportRow};

/// One batch, ready to be stored.
#[derive(Debug)]
pub struct Prepared {
    /// By whose policy the addresses are in their canonical form.
    pub space: Arc<Space>,
    /// The number of the last row, and the rows; none where all were refused.
    pub segment: Option<(u64, ExpressSegment)>,
    /// The rows that were refused.
    pub refused: Vec<Refused>,
    /// The canonical addresses of all rows that have one.
    pub addresses: Vec<String>,
}

/// A row that cannot be kept.
#[derive(Debug)]
pub struct Refused {
    /// Its place in the batch.
    pub index: usize,
    /// Why.
    pub fault: Fault,
    /// Hashes of the addresses that it names.
    pub addresses: Vec<u64>,
}

/// Prepares the rows of a batch.
pub fn prepare(
    space: &Arc<Space>,
    plan: &ExpressPlan,
    list_id: &str,
    source: &SourceBatch,
) -> Prepared {
    let mut list = ExpressRowList { rows: Vec::with_capacity(source.rows.len()) };
    let (mut refused, mut addresses) = (Vec::new(), Vec::with_capacity(source.rows.len()));
    let mut scratch = String::new();
    for (index, row) in source.rows.iter().enumerate() {
        let kept = address_of(space, plan, row, &mut scratch)
            .and_then(|()| kept_row(space, plan, row, source.numbers[index]));
        // Whoever is named is named, whatever else the row has.
        if !scratch.is_empty() {
            addresses.push(scratch.clone());
        }
        match kept {
            Ok(kept) => list.rows.push(ExpressRowRecord { address: scratch.clone(), ..kept }),
            Err(fault) => {
                let mut hashes = named(space, plan, row);
                if !scratch.is_empty() {
                    hashes.push(hash(space.number, plan.kind, &scratch));
                }
                refused.push(Refused { index, fault, addresses: hashes });
            }
        }
    }
    let segment = list.rows.last().map(|last| (last.number, packed(list_id, plan.kind, &list)));
    Prepared { space: Arc::clone(space), segment, refused, addresses }
}

/// The addresses of rows that have one: those of `Prepared`, without the work of the rest.
pub fn addresses(space: &Space, plan: &ExpressPlan, source: &SourceBatch) -> Vec<String> {
    let mut scratch = String::new();
    let mut address = |row| {
        let _refused = address_of(space, plan, row, &mut scratch);
        (!scratch.is_empty()).then(|| scratch.clone())
    };
    source.rows.iter().filter_map(&mut address).collect()
}

/// The segment of some rows.
pub fn packed(list_id: &str, kind: AddressType, list: &ExpressRowList) -> ExpressSegment {
    let (content, content_bytes) = records::pack_express(list);
    ExpressSegment {
        list_id: list_id.to_owned(),
        address_type: kind as u32,
        rows: u32::try_from(list.rows.len()).expect("bounded by the batch"),
        content,
        content_bytes,
    }
}

/// What stands for an address where it is erased.
pub fn hash(space: u32, kind: AddressType, address: &str) -> u64 {
    keys::address_hash(&keys::owned(|key| keys::address(key, space, kind, address.as_bytes())))
}

/// Puts the canonical address of a row into `out`, which is empty where there is none.
fn address_of(space: &Space, plan: &ExpressPlan, row: &ImportRow, out: &mut String) -> Result<()> {
    out.clear();
    if row.cells.len() <= plan.address {
        return Err(no_address());
    }
    let (text, is_json) = cell_text(row, plan.address)?;
    let unquoted;
    let text = if is_json {
        unquoted = text_of_json(plan.address, text)?;
        &unquoted
    } else {
        text
    };
    if text.is_empty() {
        return Err(no_address());
    }
    address::normalize(&space.rules, plan.kind, text, out).map(drop)
}

/// The cells of a row, but for its address.
fn kept_row(
    space: &Space,
    plan: &ExpressPlan,
    row: &ImportRow,
    number: u64,
) -> Result<ExpressRowRecord> {
    if row.cells.len() > plan.width {
        return Err(too_many_cells(plan.width, row.cells.len()));
    }
    check_json_cells(row)?;
    let mut kept = ExpressRowRecord { number, ..Default::default() };
    kept.cells.reserve_exact(plan.kept.len());
    for (position, &(index, kind)) in (0..).zip(&plan.kept) {
        let Some(cell) = row.cells.get(index) else { break };
        let (_, is_json) = cell_text(row, index)?;
        if is_json {
            kept.json_cells.push(position);
        }
        kept.cells.push(cell.clone());
        if let Some(kind) = kind {
            kept.addresses.extend(named_in(space, (kind, index), row));
        }
    }
    // What is missing is empty.
    while kept.cells.last().is_some_and(Bytes::is_empty) {
        kept.cells.pop();
    }
    Ok(kept)
}

/// Hashes of the addresses in the other columns of a row that is refused.
fn named(space: &Space, plan: &ExpressPlan, row: &ImportRow) -> Vec<u64> {
    let columns = plan.kept.iter().filter_map(|&(index, kind)| Some((kind?, index)));
    columns.filter_map(|column| named_in(space, column, row)).collect()
}

/// The hash of the address in a cell, if it is one.
fn named_in(space: &Space, (kind, index): (AddressType, usize), row: &ImportRow) -> Option<u64> {
    row.cells.get(index)?;
    let (text, is_json) = cell_text(row, index).ok()?;
    let text = if is_json { text_of_json(index, text).ok()? } else { text.to_owned() };
    let mut canonical = String::new();
    let kind = address::normalize(&space.rules, kind, &text, &mut canonical).ok()?;
    Some(hash(space.number, kind, &canonical))
}

fn no_address() -> Fault {
    Fault::new(ErrorReason::MatchKeysRequired, "The cell of the address is empty.")
}
