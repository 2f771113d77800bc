//! The keys of requests, normalised and ranked, in arenas shared by a whole batch.

use crate::address;
use crate::fault::{Fault, Result};
use crate::matching::fields::{self, FieldQuery};
use crate::matching::order::Policy;
use crate::space::Space;
use crate::store::keys;
use crate::wire::v1::{self, AddressType, ErrorReason, KeyKind};

/// Locators of one request: far over what one person has, small enough to look up in one go.
pub const LOCATORS_MAX: usize = 32;
/// Field values of one request: each may cost a scan.
pub const FIELDS_MAX: usize = 8;

/// Bytes of a usual address, and of its key.
const TEXT_BYTES: usize = 20;
const KEY_BYTES: usize = 25;

/// The canonical addresses of a batch, with their keys in the store.
#[derive(Debug, Default)]
pub struct AddressBook {
    keys: Vec<u8>,
    texts: String,
    entries: Vec<BookEntry>,
    /// The entries by key, once the book is sealed.
    order: Vec<u32>,
    scratch: String,
}

/// Ends suffice: keys and texts follow one another without gaps.
#[derive(Debug, Clone, Copy)]
struct BookEntry {
    kind: AddressType,
    key_end: u32,
    text_end: u32,
}

impl AddressBook {
    /// A book with room for so many addresses.
    pub fn with_capacity(addresses: usize) -> Self {
        Self {
            keys: Vec::with_capacity(addresses * KEY_BYTES),
            texts: String::with_capacity(addresses * TEXT_BYTES),
            entries: Vec::with_capacity(addresses),
            ..Self::default()
        }
    }

    /// How many addresses there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no address.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The key of an address in the table of addresses.
    pub fn key(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.entries[index - 1].key_end };
        &self.keys[start as usize..self.entries[index].key_end as usize]
    }

    /// The canonical form of an address.
    pub fn text(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.entries[index - 1].text_end };
        &self.texts[start as usize..self.entries[index].text_end as usize]
    }

    /// The type of an address; never unspecified.
    pub fn kind(&self, index: usize) -> AddressType {
        self.entries[index].kind
    }

    /// The address as the contract shows it.
    pub fn canonical(&self, index: usize) -> v1::CanonicalAddress {
        v1::CanonicalAddress { r#type: self.kind(index).into(), value: self.text(index).to_owned() }
    }

    /// Sorts the entries, on the thread that prepares a batch rather than on the one that writes.
    /// To be called when every address is in the book.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        let entry = |index: u32| (keys::sort_prefix(self.key(index as usize)), index);
        let mut order: Vec<(u128, u32)> = (0..).take(self.len()).map(entry).collect();
        order.sort_unstable_by(|left, right| {
            let full = || self.key(left.1 as usize).cmp(self.key(right.1 as usize));
            left.0.cmp(&right.0).then_with(full)
        });
        self.order = order.into_iter().map(|(_, index)| index).collect();
        self
    }

    /// The entries by key; of a sealed book.
    pub fn order(&self) -> &[u32] {
        debug_assert_eq!(self.order.len(), self.entries.len(), "the book is sealed");
        &self.order
    }

    /// Normalises an address and keeps it; answers its index.
    pub fn add(&mut self, space: &Space, kind: AddressType, value: &str) -> Result<usize> {
        let kind = address::normalize(&space.rules, kind, value, &mut self.scratch)?;
        keys::address(&mut self.keys, space.number, kind, self.scratch.as_bytes());
        self.texts.push_str(&self.scratch);
        let end = |length: usize| u32::try_from(length).expect("requests are far below 4 GiB");
        self.entries.push(BookEntry {
            kind,
            key_end: end(self.keys.len()),
            text_end: end(self.texts.len()),
        });
        Ok(self.entries.len() - 1)
    }
}

/// What a key points at.
#[derive(Debug)]
pub enum Target {
    /// An address of the book.
    Address(usize),
    /// A contact id; redirects are followed.
    Contact(u64),
    /// A dataset id; redirects are not followed.
    Dataset(u64),
    /// A head id.
    Head(u64),
    /// A declared field with a value.
    Field(Box<FieldQuery>),
    /// A key that cannot be used, and why.
    Refused(Box<Fault>),
}

/// One key of a request.
#[derive(Debug)]
pub struct Probe {
    /// Which key of `MatchKeys` this is.
    pub kind: KeyKind,
    /// The position within locators or fields.
    pub index: u32,
    /// The place in the order of keys; `NOT_IN_ORDER` is not tried.
    pub rank: u32,
    /// What it points at.
    pub target: Target,
}

/// Normalises the keys of one request and appends them to `probes`, which stay in the order of
/// `MatchKeys`.
pub fn prepare(
    space: &Space,
    policy: &Policy,
    request: &v1::MatchKeys,
    book: &mut AddressBook,
    probes: &mut Vec<Probe>,
) -> Result<()> {
    check_bounds(request)?;
    let before = probes.len();
    let any = AddressType::Unspecified;
    let mut number = |kind, target| {
        probes.push(Probe { kind, index: 0, rank: policy.rank(kind, any, ""), target });
    };
    if let Some(id) = request.contact_id {
        number(KeyKind::ContactId, Target::Contact(id));
    }
    if let Some(id) = request.dataset_id {
        number(KeyKind::DatasetId, Target::Dataset(id));
    }
    if let Some(id) = request.head_id {
        number(KeyKind::HeadId, Target::Head(id));
    }
    if let Some(value) = &request.external_customer_id {
        let kind = KeyKind::ExternalCustomerId;
        probes.push(address_probe(space, policy, (kind, 0), AddressType::Csid, value, book));
    }
    for (index, locator) in (0..).zip(&request.locators) {
        let kind = AddressType::try_from(locator.r#type)
            .map_err(|_| Fault::invalid("keys.locators.type", "is not a known address type"))?;
        let key = (KeyKind::Locator, index);
        probes.push(address_probe(space, policy, key, kind, &locator.value, book));
    }
    for (index, field) in (0..).zip(&request.fields) {
        let rank = policy.rank(KeyKind::Field, any, &field.path);
        let target = Target::Field(Box::new(fields::query(space, field)?));
        probes.push(Probe { kind: KeyKind::Field, index, rank, target });
    }
    if probes.len() == before {
        return Err(Fault::new(
            ErrorReason::MatchKeysRequired,
            "Give at least one key: a contact id, an external customer id, a locator, a field.",
        ));
    }
    Ok(())
}

/// Normalises one address key; a value that is refused stays as a key with its reason.
pub fn address_probe(
    space: &Space,
    policy: &Policy,
    (kind, index): (KeyKind, u32),
    address_type: AddressType,
    value: &str,
    book: &mut AddressBook,
) -> Probe {
    match book.add(space, address_type, value) {
        Ok(entry) => {
            let rank = policy.rank(kind, book.kind(entry), "");
            Probe { kind, index, rank, target: Target::Address(entry) }
        }
        Err(fault) => {
            let rank = policy.rank(kind, address_type, "");
            Probe { kind, index, rank, target: Target::Refused(Box::new(fault)) }
        }
    }
}

fn check_bounds(request: &v1::MatchKeys) -> Result<()> {
    if request.locators.len() > LOCATORS_MAX {
        return Err(Fault::limit("keys.locators", LOCATORS_MAX, request.locators.len()));
    }
    if request.fields.len() > FIELDS_MAX {
        return Err(Fault::limit("keys.fields", FIELDS_MAX, request.fields.len()));
    }
    Ok(())
}
