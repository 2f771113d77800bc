//! Lists and their rows, page by page.

use std::ops::ControlFlow;

use prost::Message;

use crate::member::View;
use crate::store::{StoreError, StoreResult, Table, keys, records};
use crate::wire::storage::{ExpressListRecord, ExpressRowList, ExpressRowRecord, ExpressSegment};
use crate::wire::v1::{ExpressRow, ReadExpressListResponse};

/// Bytes of one page of rows; it may exceed them by one row.
const PAGE_BYTES_MAX: usize = 1 << 20;

/// The lists of a space behind a code, in the order of codes, that have not expired.
pub fn page(
    view: &View<'_>,
    (space, after_id): (u32, &str),
    lists_max: usize,
    now_seconds: i64,
) -> StoreResult<Vec<(String, ExpressListRecord)>> {
    let from = keys::owned(|key| match after_id {
        "" => keys::space_prefix(key, space),
        _ => keys::express_list(key, space, after_id),
    });
    let (mut lists, mut failed) = (Vec::new(), Ok(()));
    view.snapshot().scan(Table::ExpressLists, &from, usize::MAX, &mut |key, value| {
        if keys::space_of(key) != Some(space) || lists.len() == lists_max {
            return ControlFlow::Break(());
        }
        if key == from {
            return ControlFlow::Continue(());
        }
        match listed(key, value) {
            Ok((_, record)) if record.expires_seconds <= now_seconds => {}
            Ok(list) => lists.push(list),
            Err(error) => failed = Err(error),
        }
        ControlFlow::Continue(())
    })?;
    failed.map(|()| lists)
}

fn listed(key: &[u8], value: &[u8]) -> StoreResult<(String, ExpressListRecord)> {
    let (_, id) = keys::parse_named(Table::ExpressLists, key)?;
    let id =
        String::from_utf8(id.to_vec()).map_err(|_| corrupt("the code of a list is no text"))?;
    Ok((id, records::decode(Table::ExpressLists, value)?))
}

/// Some rows of a list from a number on.
pub fn rows(
    view: &View<'_>,
    (space, list): (u32, u64),
    from_row: u64,
    rows_max: usize,
) -> StoreResult<ReadExpressListResponse> {
    let prefix = keys::owned(|key| keys::express_rows_of(key, space, list));
    let from = keys::owned(|key| keys::express_rows(key, space, list, from_row));
    let mut page = RowPage { answer: ReadExpressListResponse::default(), bytes: 0, rows_max };
    let mut failed = Ok(());
    view.snapshot().scan(Table::ExpressRows, &from, usize::MAX, &mut |key, value| {
        if !key.starts_with(&prefix) {
            return ControlFlow::Break(());
        }
        match page.take_segment(value, from_row) {
            Ok(true) => ControlFlow::Continue(()),
            Ok(false) => ControlFlow::Break(()),
            Err(error) => {
                failed = Err(error);
                ControlFlow::Break(())
            }
        }
    })?;
    failed.map(|()| page.answer)
}

/// A page that fills.
struct RowPage {
    answer: ReadExpressListResponse,
    bytes: usize,
    rows_max: usize,
}

impl RowPage {
    /// Takes rows of a segment; whether there is room for more.
    fn take_segment(&mut self, value: &[u8], from_row: u64) -> StoreResult<bool> {
        if self.is_full() {
            let last = self.answer.rows.last().map_or(0, |row| row.row);
            self.answer.next_row = last + 1;
            return Ok(false);
        }
        let segment: ExpressSegment = records::decode(Table::ExpressRows, value)?;
        let list: ExpressRowList = records::unpack_express(&segment)?;
        for record in list.rows.into_iter().filter(|record| record.number >= from_row) {
            if self.is_full() {
                self.answer.next_row = record.number;
                return Ok(false);
            }
            let row = to_wire(record)?;
            self.bytes += row.encoded_len();
            self.answer.rows.push(row);
        }
        Ok(true)
    }

    fn is_full(&self) -> bool {
        self.answer.rows.len() == self.rows_max || self.bytes >= PAGE_BYTES_MAX
    }
}

fn to_wire(record: ExpressRowRecord) -> StoreResult<ExpressRow> {
    let ExpressRowRecord { number, address, cells, json_cells, .. } = record;
    let text = |cell: bytes::Bytes| {
        String::from_utf8(cell.into()).map_err(|_| corrupt("a cell of a row is no text"))
    };
    let cells = cells.into_iter().map(text).collect::<StoreResult<_>>()?;
    Ok(ExpressRow { row: number, address, cells, json_cells })
}

fn corrupt(problem: &str) -> StoreError {
    StoreError::Corrupt { table: Table::ExpressRows.name(), problem: problem.to_owned() }
}
