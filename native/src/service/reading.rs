//! The one way from the keys of a read to whom they mean, on one snapshot.

use crate::core::Core;
use crate::fault::{Failure, Fault, Result};
use crate::matching::decide::{Keys, Purpose};
use crate::matching::{AddressBook, Decision, Policy, decide, prepare};
use crate::member::View;
use crate::service::limits::check_revision;
use crate::space::Space;
use crate::wire::v1;

/// Decides whom the keys mean on a snapshot that has reached a revision, and reads from it. The
/// decision may be that it is nobody.
pub fn by_keys<T>(
    core: &Core,
    space: &Space,
    (asked, policy): (Option<&v1::MatchKeys>, Option<&v1::MatchPolicy>),
    min_revision: u64,
    mut work: impl FnMut(&mut View<'_>, Keys<'_>, &Decision) -> std::result::Result<T, Failure>,
) -> Result<T> {
    let policy = Policy::compile(policy)?;
    let asked = asked.ok_or_else(|| Fault::required("keys"))?;
    let (mut book, mut probes) = (AddressBook::default(), Vec::new());
    prepare(space, &policy, asked, &mut book, &mut probes)?;
    let book = book.sealed();
    core.read(&book, |view, links| {
        check_revision(min_revision, view.revision())?;
        let keys = Keys {
            space,
            probes: &probes,
            book: &book,
            links,
            resource_id: asked.resource_id,
            manner: policy.manner,
        };
        let mut decision = Decision::default();
        decide(view, keys, Purpose::Read, &mut decision)?;
        work(view, keys, &decision)
    })
}
