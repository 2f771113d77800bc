//! Declared custom fields: which values of a body are indexed, and how a query finds their
//! holders.

use std::borrow::Cow;

use crate::datakey::{self, Pattern};
use crate::fault::{Failure, Fault, Result};
use crate::json;
use crate::member::View;
use crate::space::Space;
use crate::store::{StoreResult, keys};
use crate::wire::storage::{FieldBuild, FieldRecord};
use crate::wire::v1::{DatakeyChange, DatakeyMode, ErrorReason, FieldState, FieldValue};

/// Bytes of a value to look for; longer texts are no identifiers.
pub const VALUE_BYTES_MAX: usize = 1_024;
/// Steps of a search for several tags before it is refused as too broad: about 0.1 s.
pub const TAG_SEARCH_STEPS_MAX: usize = 100_000;

/// What the values of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A text, compared exactly.
    String = 1,
    /// An integer; 123 and "123" are the same.
    Int = 2,
    /// A set of tags: an array of texts or one text with commas.
    Tags = 3,
}

impl FieldKind {
    /// The name of a kind in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Tags => "tags",
        }
    }

    /// The kind that a store has recorded.
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::String, Self::Int, Self::Tags].into_iter().find(|kind| *kind as u32 == number)
    }
}

/// One declared field.
#[derive(Debug, Clone)]
pub struct Field {
    /// Stands for the field in keys.
    pub number: u16,
    /// The datakey path as declared.
    pub path: String,
    /// What its values are.
    pub kind: FieldKind,
    /// Whether a second member with the same value is refused.
    pub unique: bool,
    pattern: Pattern,
}

impl Field {
    /// Compiles a declaration that a policy has checked.
    pub fn new(record: &FieldRecord) -> Result<Self> {
        let kind = FieldKind::from_number(record.kind)
            .ok_or_else(|| Fault::internal("a field has no kind that is known"))?;
        let number = u16::try_from(record.number)
            .map_err(|_| Fault::internal("a field has a number that fits no key"))?;
        let pattern = Pattern::parse(0, &record.path)?;
        Ok(Self { number, path: record.path.clone(), kind, unique: record.unique, pattern })
    }

    /// The values under which a body with this data is found; sorted, each once.
    pub fn values(&self, data: &str) -> Vec<String> {
        let Some(found) = datakey::read(data, &self.pattern) else {
            return Vec::new();
        };
        let mut values = match self.kind {
            FieldKind::String => text_of(&found).into_iter().collect(),
            FieldKind::Int => integer_of(&found).into_iter().collect(),
            FieldKind::Tags => tags_of(&found),
        };
        values.sort_unstable();
        values.dedup();
        values
    }
}

/// A look-up of one field, ready to run.
#[derive(Debug)]
pub struct FieldQuery {
    /// The path as the space declared it.
    pub path: String,
    /// Stands for the field in keys.
    number: u16,
    /// The key prefix of the holders of each value; all values must be held.
    prefixes: Vec<Vec<u8>>,
}

impl FieldQuery {
    /// What tells it from queries for other values.
    pub fn identity(&self) -> &[Vec<u8>] {
        &self.prefixes
    }
}

/// Compiles a field of a request.
pub fn query(space: &Space, request: &FieldValue) -> Result<FieldQuery> {
    if request.value.len() > VALUE_BYTES_MAX {
        return Err(Fault::limit("keys.fields.value", VALUE_BYTES_MAX, request.value.len()));
    }
    let field = declared(space, &request.path)?;
    let values = match field.kind {
        FieldKind::String => vec![request.value.clone()],
        FieldKind::Int => vec![
            canonical_integer(&request.value)
                .ok_or_else(|| invalid_value(field, "must be decimal digits for an int field"))?,
        ],
        FieldKind::Tags => split_tags(&request.value),
    };
    if values.is_empty() || values.iter().any(String::is_empty) {
        return Err(invalid_value(field, "must not be empty"));
    }
    let prefix = |value: &String| prefix(space.number, field, value);
    let prefixes = values.iter().map(prefix).collect();
    Ok(FieldQuery { path: field.path.clone(), number: field.number, prefixes })
}

fn invalid_value(field: &Field, problem: &str) -> Fault {
    let fault = Fault::invalid("keys.fields.value", problem);
    fault.with("path", &field.path).with("kind", field.kind.name())
}

/// The change of data after which a query for this value finds the member; the value is one that
/// `query` takes.
pub fn insertion(space: &Space, request: &FieldValue) -> Result<DatakeyChange> {
    let field = declared(space, &request.path)?;
    let integer = (field.kind == FieldKind::Int).then(|| canonical_integer(&request.value));
    let value = integer.flatten().unwrap_or_else(|| {
        let mut quoted = String::new();
        json::quote(&request.value, &mut quoted);
        quoted
    });
    Ok(DatakeyChange {
        path: request.path.clone(),
        mode: DatakeyMode::Insert as i32,
        value: value.into_bytes().into(),
        ..Default::default()
    })
}

/// The declared field of a path.
pub fn declared<'a>(space: &'a Space, path: &str) -> Result<&'a Field> {
    space.fields.iter().find(|field| field.path == path).ok_or_else(|| not_declared(path))
}

/// Who holds what a query asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holders {
    /// Nobody.
    None,
    /// Exactly this member.
    One(u64),
    /// Two or more members.
    Several,
}

/// Finds the holders of a query. An index that is not complete answers nothing: what it has not
/// got to yet would be missing.
pub fn holders(
    view: &mut View<'_>,
    space: &Space,
    query: &FieldQuery,
) -> std::result::Result<Holders, Failure> {
    check_complete(view, space, (query.number, &query.path))?;
    let mut steps = 0;
    let Some(first) = next_holder(view, query, 0, &mut steps)? else {
        return Ok(Holders::None);
    };
    match next_holder(view, query, first + 1, &mut steps)? {
        None => Ok(Holders::One(first)),
        Some(_) => Ok(Holders::Several),
    }
}

/// The holder of one value other than `except`, if any.
pub fn other_holder(
    view: &View<'_>,
    (space, field): (u32, &Field),
    value: &str,
    except: u64,
) -> StoreResult<Option<u64>> {
    let prefix = prefix(space, field, value);
    match view.next_holder(&prefix, 0)? {
        Some(id) if id == except => view.next_holder(&prefix, id + 1),
        other => Ok(other),
    }
}

/// Refuses a declared field whose index answers nothing yet, or never will.
pub fn check_answers(
    view: &mut View<'_>,
    space: &Space,
    path: &str,
) -> std::result::Result<(), Failure> {
    let field = declared(space, path)?;
    check_complete(view, space, (field.number, path))
}

/// Asks the store and not the space, which may have been prepared before.
fn check_complete(
    view: &mut View<'_>,
    space: &Space,
    (number, path): (u16, &str),
) -> std::result::Result<(), Failure> {
    let record = view.space_record(space)?;
    let number = u32::from(number);
    if record.fields.iter().any(|field| field.number == number) {
        return Ok(());
    }
    let is_it =
        |build: &&FieldBuild| build.field.as_ref().is_some_and(|field| field.number == number);
    Err(match record.builds.iter().find(is_it) {
        Some(build) if build.state == FieldState::Building as u32 => {
            let message = "The index of this field is still being built; try again later.";
            Fault::new(ErrorReason::FieldBuilding, message)
                .with("field", path)
                .with("done", build.done)
                .with("total", build.total)
        }
        Some(build) if build.state == FieldState::Failed as u32 => failed(build, path),
        _ => not_declared(path),
    }
    .into())
}

fn failed(build: &FieldBuild, path: &str) -> Fault {
    let conflict = build.conflicts.first().copied().unwrap_or_default();
    let message = "Members share values of this unique field; change them, then store the policy \
                   of the space again.";
    Fault::new(ErrorReason::FieldFailed, message)
        .with("field", path)
        .with("contact_id", conflict.dataset_id)
        .with("other_contact_id", conflict.other_dataset_id)
}

fn not_declared(path: &str) -> Fault {
    let message = "The space has not declared this field for matching.";
    Fault::new(ErrorReason::FieldNotDeclared, message).with("field", path)
}

fn prefix(space: u32, field: &Field, value: &str) -> Vec<u8> {
    keys::owned(|key| keys::field_prefix(key, space, field.number, value.as_bytes()))
}

/// The least member from `from` on that every prefix lists: each step asks the next prefix for
/// the first member that is not less than the candidate.
fn next_holder(
    view: &View<'_>,
    query: &FieldQuery,
    from: u64,
    steps: &mut usize,
) -> std::result::Result<Option<u64>, Failure> {
    let mut candidate = from;
    let mut agreeing = 0;
    for prefix in query.prefixes.iter().cycle() {
        *steps += 1;
        if *steps > TAG_SEARCH_STEPS_MAX {
            return Err(too_broad(query).into());
        }
        let Some(holder) = view.next_holder(prefix, candidate)? else {
            return Ok(None);
        };
        agreeing = if holder == candidate { agreeing + 1 } else { 1 };
        candidate = holder;
        if agreeing >= query.prefixes.len() {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

fn too_broad(query: &FieldQuery) -> Fault {
    Fault::new(
        ErrorReason::FieldSearchTooBroad,
        "Too many members hold some of these tags; ask for rarer ones.",
    )
    .with("field", &query.path)
    .with("max", TAG_SEARCH_STEPS_MAX)
}

fn text_of(value: &str) -> Option<String> {
    json::string(value).map(Cow::into_owned)
}

fn integer_of(value: &str) -> Option<String> {
    match json::kind(value) {
        json::Kind::String => canonical_integer(&json::string(value)?),
        json::Kind::Number => canonical_integer(value),
        _ => None,
    }
}

fn tags_of(value: &str) -> Vec<String> {
    match json::kind(value) {
        json::Kind::String => json::string(value).map_or_else(Vec::new, |text| split_tags(&text)),
        json::Kind::Array => json::elements(value)
            .filter_map(text_of)
            .map(|tag| tag.trim().to_owned())
            .filter(|tag| !tag.is_empty())
            .collect(),
        _ => Vec::new(),
    }
}

fn split_tags(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

/// Decimal digits with an optional minus, without leading zeros; `None` for anything else.
fn canonical_integer(text: &str) -> Option<String> {
    let text = text.trim();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    Some(if digits.is_empty() { "0".to_owned() } else { format!("{sign}{digits}") })
}
