//! How far an import has come: kept in the same commit as the rows, so that an import that is
//! killed and opened again ends as if it had run once.

use prost::Message;

use crate::member::View;
use crate::store::{Engine, StoreResult, Table, keys, records};
use crate::wire::storage::ImportRecord;
use crate::write::expiry;

/// How long a position is kept after an import was last opened.
const KEPT_SECONDS: i64 = 30 * 24 * 60 * 60;

/// The position that a chunk leaves.
#[derive(Debug, Clone)]
pub struct Position {
    key: Vec<u8>,
    /// The first chunk that is not committed.
    pub next_chunk: u64,
    expires_seconds: i64,
    /// The term that an earlier opening noted.
    former_expires_seconds: Option<i64>,
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
            next_chunk: found.as_ref().map_or(1, |record| record.next_chunk),
            former_expires_seconds: found.map(|record| record.expires_seconds),
            expires_seconds: now_seconds + KEPT_SECONDS,
            key,
        })
    }

    /// The position after one more chunk.
    #[must_use]
    pub fn next(&self) -> Self {
        Self { next_chunk: self.next_chunk + 1, ..self.clone() }
    }

    /// Writes the position along with a chunk.
    pub fn advance(&self, view: &mut View<'_>) {
        if let Some(former) = self.former_expires_seconds {
            expiry::forget(view, Table::Imports, &self.key, former);
        }
        expiry::remember(view, Table::Imports, &self.key, self.expires_seconds);
        let record =
            ImportRecord { next_chunk: self.next_chunk, expires_seconds: self.expires_seconds };
        view.put(Table::Imports, &self.key, &record.encode_to_vec());
    }
}
