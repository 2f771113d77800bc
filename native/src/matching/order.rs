//! Orders of keys: the named ones of the sources and the caller's own.

use crate::fault::{Fault, Result};
use crate::wire::v1::{AddressType, KeyKind, MatchPolicy, NamedOrder, OnDeleted};

/// Steps of an explicit order: more than there are kinds of keys, so that nobody needs more.
pub const EXPLICIT_ORDER_STEPS_MAX: usize = 32;

/// The rank of a key that the order does not name.
pub const NOT_IN_ORDER: u32 = u32::MAX;

/// One step of an order: which keys it accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    kind: KeyKind,
    /// Unspecified accepts every type.
    locator_type: AddressType,
    /// Empty accepts every field.
    field_path: String,
}

/// How the keys of a request are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manner {
    /// The named order; unspecified where the caller gave its own, or a single key.
    pub order: NamedOrder,
    /// Whether a conflict or an unknown higher key is an error.
    pub strict: bool,
}

/// An order of keys and whether it is strict.
#[derive(Debug, Clone)]
pub struct Policy {
    steps: Vec<Step>,
    /// How keys are taken.
    pub manner: Manner,
    /// Whether a write restores the deleted member of an external customer id.
    pub restores: bool,
}

impl Policy {
    /// Compiles the policy of a request; absent is the default order, not strict.
    pub fn compile(policy: Option<&MatchPolicy>) -> Result<Self> {
        let Some(policy) = policy else {
            let manner = Manner { order: NamedOrder::ExternalIdFirst, strict: false };
            return Ok(Self { steps: named(manner.order), manner, restores: true });
        };
        let order = NamedOrder::try_from(policy.order)
            .map_err(|_| Fault::invalid("policy.order", "is not a known order"))?;
        let is_default = matches!(order, NamedOrder::Unspecified | NamedOrder::ExternalIdFirst)
            && policy.explicit_order.is_empty();
        let restores = match OnDeleted::try_from(policy.on_deleted) {
            Ok(OnDeleted::Unspecified) => is_default,
            Ok(on_deleted) => on_deleted == OnDeleted::Restore,
            Err(_) => return Err(Fault::invalid("policy.on_deleted", "is not a known rule")),
        };
        if policy.explicit_order.is_empty() {
            let order = if is_default { NamedOrder::ExternalIdFirst } else { order };
            let manner = Manner { order, strict: policy.strict };
            return Ok(Self { steps: named(order), manner, restores });
        }
        if order != NamedOrder::Unspecified {
            let message = "Give policy.order or policy.explicit_order, not both.";
            return Err(Fault::conflict("policy.order", "policy.explicit_order", message));
        }
        let manner = Manner { order: NamedOrder::Unspecified, strict: policy.strict };
        Ok(Self { steps: explicit(policy)?, manner, restores })
    }

    /// The place of a key in the order: 0 is tried first.
    pub fn rank(&self, kind: KeyKind, locator_type: AddressType, field_path: &str) -> u32 {
        let accepts = |step: &Step| {
            step.kind == kind
                && (step.locator_type == AddressType::Unspecified
                    || step.locator_type == locator_type)
                && (step.field_path.is_empty() || step.field_path == field_path)
        };
        self.steps
            .iter()
            .position(accepts)
            .map_or(NOT_IN_ORDER, |rank| u32::try_from(rank).unwrap_or(NOT_IN_ORDER))
    }
}

fn named(order: NamedOrder) -> Vec<Step> {
    use AddressType as Type;
    use KeyKind as Kind;
    let steps: &[(Kind, Type)] = match order {
        NamedOrder::Unspecified | NamedOrder::ExternalIdFirst => &[
            (Kind::ExternalCustomerId, Type::Unspecified),
            (Kind::ContactId, Type::Unspecified),
            (Kind::DatasetId, Type::Unspecified),
            (Kind::HeadId, Type::Unspecified),
            (Kind::Locator, Type::Unspecified),
            (Kind::Field, Type::Unspecified),
        ],
        NamedOrder::PreparedMessage => &[
            (Kind::ContactId, Type::Unspecified),
            (Kind::ExternalCustomerId, Type::Unspecified),
            (Kind::Locator, Type::Unspecified),
        ],
        NamedOrder::Subscribe => &[
            (Kind::ExternalCustomerId, Type::Unspecified),
            (Kind::Locator, Type::Email),
            (Kind::Locator, Type::Msisdn),
        ],
        NamedOrder::EmailOrSms => &[
            (Kind::ExternalCustomerId, Type::Unspecified),
            (Kind::Locator, Type::Msisdn),
            (Kind::Locator, Type::Email),
        ],
    };
    let step = |&(kind, locator_type)| Step { kind, locator_type, field_path: String::new() };
    steps.iter().map(step).collect()
}

fn explicit(policy: &MatchPolicy) -> Result<Vec<Step>> {
    let steps = &policy.explicit_order;
    if steps.len() > EXPLICIT_ORDER_STEPS_MAX {
        return Err(Fault::limit("policy.explicit_order", EXPLICIT_ORDER_STEPS_MAX, steps.len()));
    }
    let step = |key: &crate::wire::v1::OrderedKey| {
        let kind = KeyKind::try_from(key.kind).unwrap_or(KeyKind::Unspecified);
        if kind == KeyKind::Unspecified {
            return Err(Fault::invalid("policy.explicit_order.kind", "is not a known kind"));
        }
        let locator_type = AddressType::try_from(key.locator_type).map_err(|_| {
            Fault::invalid("policy.explicit_order.locator_type", "is not a known address type")
        })?;
        if locator_type != AddressType::Unspecified && kind != KeyKind::Locator {
            return Err(Fault::invalid(
                "policy.explicit_order.locator_type",
                "belongs to KEY_KIND_LOCATOR only",
            ));
        }
        if !key.field_path.is_empty() && kind != KeyKind::Field {
            return Err(Fault::invalid(
                "policy.explicit_order.field_path",
                "belongs to KEY_KIND_FIELD only",
            ));
        }
        Ok(Step { kind, locator_type, field_path: key.field_path.clone() })
    };
    steps.iter().map(step).collect()
}
