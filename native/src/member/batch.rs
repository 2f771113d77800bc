//! What a request wants of members, prepared: everything that needs no store is decided.

use std::ops::Range;
use std::sync::Arc;

use crate::datakey::{Change, DataRule, Moment};
use crate::fault::Fault;
use crate::import::Plan;
use crate::matching::order::Manner;
use crate::matching::{AddressBook, Probe};
use crate::member::cells::Cells;
use crate::member::system::HeadChange;
use crate::space::Space;
use crate::wire::v1::{CopyMissing, IfExists, NewbieMode, OwnedMode, Warning};

/// Who writes: it decides which stamps a change leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A call.
    Call = 1,
    /// A row of an import.
    Import = 2,
}

/// Where `.copy` modes read.
#[derive(Debug, Default)]
pub enum Copy {
    /// The member itself.
    #[default]
    Itself,
    /// A canonical JSON object of the call.
    Data(String),
    /// Another member, by its keys.
    Member(Range<usize>, CopyMissing),
}

/// The stored answer that a request id asks for or leaves.
#[derive(Debug)]
pub struct RequestId {
    /// The key in the table of requests.
    pub key: Vec<u8>,
    /// The id as the caller gave it.
    pub id: String,
    /// SHA-256 of the request.
    pub fingerprint: [u8; 32],
    /// Whether a refusal is kept like an answer.
    pub keeps_refusal: bool,
}

/// An address that a step attaches besides its keys.
#[derive(Debug)]
pub struct HeadWish {
    /// The entry of the book.
    pub entry: usize,
    /// Whether it waits for confirmation.
    pub confirm: bool,
    /// How it comes to the member; `None` attaches what nobody has and refuses what another has.
    pub rule: Option<Arc<WishRule>>,
    /// The resource through which it is subscribed, in place of that of the step.
    pub resource_id: Option<u32>,
}

/// How a head comes to a member (seed 002, `head_rule` and `data_rule`).
#[derive(Debug)]
pub struct WishRule {
    /// Where nobody has it.
    pub newbie: NewbieMode,
    /// Where it is the only head of another member.
    pub single: OwnedMode,
    /// Where it is one of several heads of another member.
    pub multi: OwnedMode,
    /// What happens to the data of both members.
    pub data_rule: DataRule,
}

/// One prepared change of a member.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own of the caller")]
#[derive(Debug, Default)]
pub struct Step {
    /// Its keys among the probes of the batch.
    pub probes: Range<usize>,
    /// Addresses to attach besides the keys.
    pub heads: Vec<HeadWish>,
    /// Entries of the book to take from the member afterwards.
    pub detaches: Vec<usize>,
    /// The condition.
    pub if_exists: IfExists,
    /// The changes of data.
    pub changes: Vec<Change>,
    /// The same of a row of an import: its cells among those of the batch.
    pub cells: Range<usize>,
    /// Values of fields among its keys, each with the place of its key: whoever has nothing there
    /// gets them behind the cells, unless they are of somebody else.
    pub field_values: Vec<(usize, Change)>,
    /// Where copy modes read.
    pub copy: Copy,
    /// The changes of the head through which the member is addressed.
    pub head_changes: Vec<HeadChange>,
    /// What was ignored already while preparing.
    pub warnings: Vec<Warning>,
    /// Whether new e-mail heads wait for confirmation.
    pub newbie_confirm: bool,
    /// The IP address of the original request.
    pub source: String,
    /// The version that the body must have; 0 that it must not exist.
    pub expected_version: Option<u64>,
    /// Whom the keys meant when the call arrived and the version of the body then, in a space that
    /// refuses what has changed since.
    pub arrival: Option<(u64, u64)>,
    /// Makes the step happen once.
    pub request: Option<Box<RequestId>>,
    /// Whether the answer carries the data after the change.
    pub return_fresh: bool,
    /// Narrows matching, and subscribes the heads of the step.
    pub resource_id: Option<u32>,
    /// How its keys are taken.
    pub manner: Manner,
    /// Whether the deleted member of an external customer id is restored.
    pub restores: bool,
    /// Whether webhooks and triggers pass over what it changes.
    pub skip_triggers: bool,
}

/// The prepared steps of one request, with the addresses they share.
#[derive(Debug)]
pub struct Batch {
    /// The space of all steps.
    pub space: Arc<Space>,
    /// The addresses.
    pub book: AddressBook,
    /// The keys of all steps.
    pub probes: Vec<Probe>,
    /// The steps; a fault where one cannot even be prepared.
    pub steps: Vec<Result<Step, Fault>>,
    /// The cells of an import.
    pub cells: Option<Cells>,
    /// The probes of each row of an import, those included that cannot be prepared.
    pub row_probes: Vec<Range<usize>>,
    /// Who writes.
    pub origin: Origin,
    /// The one moment of all dates in the batch.
    pub moment: Moment,
    /// Whether a refusal that may pass by itself is one of all later steps, too.
    pub in_order: bool,
}

impl Batch {
    /// One without addresses, keys and steps, for work that names nobody.
    pub fn bare(space: Arc<Space>, moment: Moment) -> Self {
        Self {
            space,
            book: AddressBook::default().sealed(),
            probes: Vec::new(),
            steps: Vec::new(),
            cells: None,
            row_probes: Vec::new(),
            origin: Origin::Call,
            moment,
            in_order: false,
        }
    }

    /// How rows apply, where the steps are those of an import.
    pub fn plan(&self) -> Option<&Plan> {
        self.cells.as_ref().map(Cells::plan)
    }
}
