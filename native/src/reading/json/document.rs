//! One JSON document with all rows: `{"caption": […], "rows": [[…], …]}`, or an array of rows.

use crate::fault::{Fault, Result};
use crate::reading::batch::SourceBatch;
use crate::reading::faults;
use crate::reading::limits::ROW_BYTES_MAX;
use crate::reading::text::Text;
use crate::wire::v1::ErrorReason;

use super::row::{Names, Rows, is_blank};
use super::stream::{Stream, Value};

/// The rows of one file.
pub(in crate::reading) struct DocumentRows {
    stream: Stream,
    /// How many rows came.
    number: u64,
    names: Names,
    /// Whether the next row has the names of columns.
    names_follow: bool,
    place: Place,
    /// Whether the rows are a member of an object.
    is_object: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Before,
    Within,
    Behind,
}

impl DocumentRows {
    /// The rows of a text.
    pub(in crate::reading) fn new(text: Text, names: Names, names_follow: bool) -> Self {
        let (stream, place) = (Stream::new(text), Place::Before);
        Self { stream, number: 0, names, names_follow, place, is_object: false }
    }

    /// The text that they are read from.
    pub(in crate::reading) fn text(&mut self) -> &mut Text {
        self.stream.text()
    }

    /// The names that were learnt, in the order of their columns.
    pub(in crate::reading) fn names_in_order(&self) -> Vec<String> {
        self.names.in_order()
    }

    /// The next rows; none at the end.
    pub(in crate::reading) fn next_batch(
        &mut self,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<Option<SourceBatch>> {
        let mut rows = Rows::default();
        if self.place == Place::Before {
            self.place = Place::Within;
            self.is_object = self.stream.peek()? == Some(b'{');
            if !find_rows(&mut self.stream)? {
                return Err(no_rows());
            }
            if self.stream.take(b']')? {
                self.end(&mut rows)?;
            }
        }
        while self.place == Place::Within
            && rows.len() < rows_max
            && (rows.len() == 0 || rows.bytes() < bytes_max)
        {
            self.row(&mut rows)?;
        }
        Ok((rows.len() > 0).then(|| rows.finish()))
    }

    fn row(&mut self, rows: &mut Rows) -> Result<()> {
        self.number += 1;
        let value = match self.stream.peek()? {
            None | Some(b',' | b']' | b'}') => Value::Cut(0..0),
            Some(_) => self.stream.value(ROW_BYTES_MAX)?,
        };
        match value {
            Value::Whole(range) if self.names_follow => {
                self.names_follow = is_blank(self.stream.bytes(range));
            }
            Value::Whole(range) => {
                let charset = self.stream.text().charset();
                let document = self.stream.bytes(range);
                rows.take(self.number, document, charset, &mut self.names);
            }
            Value::TooLong(length) => {
                self.names_follow = false;
                rows.problem(self.number, faults::row_too_long(length), b"");
            }
            Value::Cut(range) => {
                rows.problem(self.number, broken(), self.stream.bytes(range));
                self.place = Place::Behind;
                return Ok(());
            }
        }
        if self.stream.take(b',')? {
            return Ok(());
        }
        if self.stream.take(b']')? {
            return self.end(rows);
        }
        self.place = Place::Behind;
        // Whatever comes cannot be told from rows, and it is not passed over in silence.
        rows.problem(self.number + 1, broken(), b"");
        Ok(())
    }

    /// Goes from the last row to the end of the text. More rows there, such as those of a second
    /// document, are not passed over in silence.
    fn end(&mut self, rows: &mut Rows) -> Result<()> {
        self.place = Place::Behind;
        let mut are_more = false;
        if self.is_object && !self.stream.take(b'}')? && self.stream.take(b',')? {
            members_on(&mut self.stream, &mut |_, name| {
                are_more = name == b"\"rows\"";
                Ok(are_more)
            })?;
        }
        if are_more || self.stream.peek()?.is_some() {
            rows.problem(self.number + 1, more(), b"");
        }
        Ok(())
    }
}

/// Goes to the first row; says whether there is a place for rows.
fn find_rows(stream: &mut Stream) -> Result<bool> {
    if stream.take(b'[')? {
        return Ok(true);
    }
    let mut is_found = false;
    members(stream, &mut |stream, name| {
        is_found = name == b"\"rows\"" && stream.take(b'[')?;
        Ok(is_found)
    })?;
    Ok(is_found)
}

/// Goes through the members of the object at the beginning. `visit` is called at each value and
/// says whether it was the last of interest; values that it leaves are passed over. Says whether
/// the object could be read so far.
pub(super) fn members(
    stream: &mut Stream,
    visit: &mut dyn FnMut(&mut Stream, &[u8]) -> Result<bool>,
) -> Result<bool> {
    Ok(stream.take(b'{')? && members_on(stream, visit)?)
}

/// The same from one of its members on.
fn members_on(
    stream: &mut Stream,
    visit: &mut dyn FnMut(&mut Stream, &[u8]) -> Result<bool>,
) -> Result<bool> {
    while stream.peek()? == Some(b'"') {
        let Value::Whole(name) = stream.value(ROW_BYTES_MAX)? else { return Ok(false) };
        let name = stream.bytes(name).to_vec();
        if !stream.take(b':')? {
            return Ok(false);
        }
        if stream.peek()?.is_none() {
            return Ok(false);
        }
        if visit(stream, &name)? {
            return Ok(true);
        }
        if !matches!(stream.peek()?, Some(b',' | b'}')) {
            stream.value(0)?;
        }
        if !stream.take(b',')? {
            return stream.take(b'}');
        }
    }
    Ok(false)
}

fn no_rows() -> Fault {
    Fault::new(
        ErrorReason::ImportShapeUnknown,
        "The file is no JSON document with an array of rows: {\"rows\": [[…], …]}.",
    )
    .with("kind", "json")
}

fn more() -> Fault {
    Fault::new(
        ErrorReason::ImportRowInvalid,
        "Behind the rows of the document there are rows once more, or text behind its end; that \
         is not read.",
    )
}

fn broken() -> Fault {
    Fault::new(
        ErrorReason::ImportRowInvalid,
        "The document ends within its rows, or something else than a row follows; what comes \
         behind is not read.",
    )
}
