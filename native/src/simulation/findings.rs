//! Findings are counted in full and listed in part.

use std::collections::BTreeMap;

use crate::fault::{Fault, Result};
use crate::policy::limits::within;
use crate::wire::v1::{FindingCount, FindingKind, PolicyFinding, SimulatePolicyRequest};

/// Findings that one answer lists.
const FINDINGS_MAX: usize = 1_000;
/// Findings that are listed unless the request says otherwise.
const FINDINGS_DEFAULT: usize = 100;

/// Which findings are listed.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// How many at most.
    max: usize,
    /// Those behind this one: its member, and which of the member's findings it is.
    after: (u64, u32),
}

impl Page {
    /// The page that a request asks for.
    pub fn of(request: &SimulatePolicyRequest) -> Result<Self> {
        let max = match within("findings_max", request.findings_max, FINDINGS_MAX)? {
            0 => FINDINGS_DEFAULT,
            max => max,
        };
        let token = request.page_token.as_str();
        if token.is_empty() {
            return Ok(Self { max, after: (0, 0) });
        }
        let parts = token.split_once('.').and_then(|(contact, number)| {
            Some((contact.parse::<u64>().ok()?, number.parse::<u32>().ok()?))
        });
        let problem = "is not a next_page_token of an earlier answer";
        let after = parts.ok_or_else(|| Fault::invalid("page_token", problem))?;
        Ok(Self { max, after })
    }
}

/// What was found so far.
#[derive(Debug)]
pub struct Findings {
    page: Page,
    /// By kind: findings, members, and the last member who has one.
    counts: BTreeMap<i32, (u64, u64, u64)>,
    listed: Vec<PolicyFinding>,
    /// The place of the last one that is listed, and whether another one follows.
    last: (u64, u32),
    has_more: bool,
    /// The member that is looked at, and how many findings it has.
    current: (u64, u32),
}

impl Findings {
    /// Nothing yet.
    pub fn new(page: Page) -> Self {
        Self {
            page,
            counts: BTreeMap::new(),
            listed: Vec::new(),
            last: (0, 0),
            has_more: false,
            current: (0, 0),
        }
    }

    /// Adds a finding; those of one member come one after another, members in order.
    pub fn add(&mut self, kind: FindingKind, finding: PolicyFinding) {
        let contact = finding.contact_id;
        let number = if self.current.0 == contact { self.current.1 + 1 } else { 1 };
        self.current = (contact, number);
        let (findings, members, last) = self.counts.entry(kind.into()).or_default();
        *findings += 1;
        if *last != contact {
            *members += 1;
            *last = contact;
        }
        if self.current <= self.page.after {
            return;
        }
        if self.listed.len() == self.page.max {
            self.has_more = true;
            return;
        }
        self.last = self.current;
        self.listed.push(PolicyFinding { kind: kind.into(), ..finding });
    }

    /// The counts of all, the listed ones, and the token of the next page.
    pub fn finish(self) -> (Vec<FindingCount>, Vec<PolicyFinding>, String) {
        let count = |(kind, (findings, members, _))| FindingCount { kind, findings, members };
        let token =
            if self.has_more { format!("{}.{}", self.last.0, self.last.1) } else { String::new() };
        (self.counts.into_iter().map(count).collect(), self.listed, token)
    }
}
