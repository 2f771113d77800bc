//! How far an import has come: kept in the same commit as the rows, so that an import that is
//! killed and opened again ends as if it had run once.

use std::fmt::Debug;

use prost::Message;
use rustc_hash::FxHashMap;

use crate::fault::{Failure, Fault};
use crate::member::View;
use crate::member::batch::Batch;
use crate::store::{Engine, StoreResult, Table, keys, records};
use crate::wire::storage::ImportRecord;
use crate::wire::v1::ErrorReason;
use crate::write::apply::{Refusal, RowOutcome};
use crate::write::expiry;

/// How long a position is kept after an import was last opened.
const KEPT_SECONDS: i64 = 30 * 24 * 60 * 60;

/// The first chunk that is not committed, of the imports that one commit advances.
pub type Reached<'a> = FxHashMap<&'a [u8], u64>;

/// What is kept along with the rows of a chunk, in the same commit.
pub trait Keep: Debug + Send {
    /// Says whether the rows are to be applied: not where they were before. A chunk behind one
    /// that is missing is refused.
    fn begin<'a>(
        &'a self,
        view: &mut View<'_>,
        reached: &mut Reached<'a>,
        now_seconds: i64,
    ) -> Result<bool, Failure>;

    /// Takes what became of the rows.
    fn end(
        &self,
        view: &mut View<'_>,
        batch: &Batch,
        rows: &[Result<RowOutcome, Refusal>],
    ) -> StoreResult<()>;
}

/// The position that a chunk leaves.
#[derive(Debug, Clone)]
pub struct Position {
    key: Vec<u8>,
    /// The first chunk that is not committed.
    pub next_chunk: u64,
    expires_seconds: i64,
}

impl Position {
    /// The position of an import that is opened now.
    pub fn open(
        engine: &dyn Engine,
        space: u32,
        import_id: &str,
        now_seconds: i64,
    ) -> StoreResult<Self> {
        let key = keys::owned(|key| keys::import(key, space, import_id.as_bytes()));
        let mut found: Option<ImportRecord> = None;
        engine.read(&mut |snapshot| {
            found = records::get(snapshot, Table::Imports, &key)?
                .filter(|record: &ImportRecord| record.expires_seconds > now_seconds);
            Ok(())
        })?;
        Ok(Self {
            next_chunk: found.map_or(1, |record| record.next_chunk),
            expires_seconds: now_seconds + KEPT_SECONDS,
            key,
        })
    }

    /// The position after one more chunk.
    #[must_use]
    pub fn next(&self) -> Self {
        Self { next_chunk: self.next_chunk + 1, ..self.clone() }
    }
}

impl Keep for Position {
    /// Writes the position along with a chunk; answers whether its rows are to be applied. A chunk
    /// that is committed already is not: that happens where a stream was given up with chunks in
    /// the queue and opened again. One that leaves a gap, behind a chunk whose commit failed, is
    /// refused: rows must neither apply twice nor be passed over.
    fn begin<'a>(
        &'a self,
        view: &mut View<'_>,
        reached: &mut Reached<'a>,
        now_seconds: i64,
    ) -> Result<bool, Failure> {
        let chunk = self.next_chunk - 1;
        let stored: Option<ImportRecord> =
            records::get(view.snapshot(), Table::Imports, &self.key)?;
        let expected = match (reached.get(self.key.as_slice()), &stored) {
            (Some(&next_chunk), _) => next_chunk,
            (None, Some(record)) if record.expires_seconds > now_seconds => record.next_chunk,
            (None, _) => 1,
        };
        if chunk < expected {
            return Ok(false);
        }
        if chunk > expected {
            return Err(gap(expected, chunk).into());
        }
        reached.insert(&self.key, self.next_chunk);
        // The term of an earlier opening, be it over, must not end this one.
        if let Some(former) = stored {
            expiry::forget(view, Table::Imports, &self.key, former.expires_seconds);
        }
        expiry::remember(view, Table::Imports, &self.key, self.expires_seconds);
        let record =
            ImportRecord { next_chunk: self.next_chunk, expires_seconds: self.expires_seconds };
        view.put(Table::Imports, &self.key, &record.encode_to_vec());
        Ok(true)
    }

    fn end(
        &self,
        _: &mut View<'_>,
        _: &Batch,
        _: &[Result<RowOutcome, Refusal>],
    ) -> StoreResult<()> {
        Ok(())
    }
}

/// The fault of a chunk that is not the one to come next.
pub fn gap(expected: u64, actual: u64) -> Fault {
    Fault::new(
        ErrorReason::ImportChunkGap,
        "Chunks must follow one another without gaps from the one that `opened` named.",
    )
    .with("expected", expected)
    .with("actual", actual)
}

/// The fault of a chunk behind one that was refused. Its stream has ended with the fault of that
/// one, so that nobody is told this.
pub fn behind_refused() -> Fault {
    Fault::new(ErrorReason::ImportChunkGap, "An earlier chunk of the import was refused.")
}
