//! What became of the numbers of members and heads.

use super::View;
use crate::store::{StoreResult, Table, keys, records};
use crate::wire::storage::{HeadRecord, RedirectRecord};

impl View<'_> {
    /// Whether a dataset id was ever given in an open space.
    pub fn is_given(&self, space: u32, id: u64) -> bool {
        self.spaces.get(&space).is_some_and(|open| (1..open.record.next_dataset_id).contains(&id))
    }

    /// The number that a merged one leads to.
    pub fn redirect(&self, space: u32, id: u64) -> StoreResult<Option<u64>> {
        let redirect = self.redirect_record(space, id)?;
        Ok(redirect.map(|redirect| redirect.to_dataset_id).filter(|&to| to != 0))
    }

    /// The erasure of a number; 0 where it was not erased.
    pub fn erasure_of(&self, space: u32, id: u64) -> StoreResult<u64> {
        Ok(self.redirect_record(space, id)?.map_or(0, |redirect| redirect.erasure_id))
    }

    fn redirect_record(&self, space: u32, id: u64) -> StoreResult<Option<RedirectRecord>> {
        if let Some(&redirect) = self.redirects.get(&(space, id)) {
            return Ok(redirect);
        }
        let key = keys::owned(|key| keys::redirect(key, space, id));
        records::get(self.snapshot, Table::Redirects, &key)
    }

    /// Whether a head has a record; one that had and has none was erased. `head` without keeping
    /// what it reads.
    pub fn has_head(&self, space: u32, id: u64) -> StoreResult<bool> {
        let number = (space, id);
        if self.gone_heads.contains(&number) {
            return Ok(false);
        }
        if self.heads.contains_key(&number) || self.new_heads.contains_key(&number) {
            return Ok(true);
        }
        let key = keys::owned(|key| keys::head(key, space, id));
        Ok(records::get::<HeadRecord>(self.snapshot, Table::Heads, &key)?.is_some())
    }
}
