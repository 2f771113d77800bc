//! Random sequences of changes against a naive model on values of `serde_json`.
//!
//! The model knows values and copies them around; the engine knows text. They share no code.

use _native::datakey::{CopySource, apply_all};
use _native::wire::v1::{DatakeyChange, ErrorReason};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::{change, compile, moment, other};

/// One step of a path of the model.
#[derive(Debug, Clone)]
enum Key {
    Name(String),
    Index(i64),
}

type Answer<T> = Result<T, ErrorReason>;

/// What exists at a path; only null is allowed to end a path too early.
fn find<'v>(value: &'v mut Value, path: &[Key]) -> Answer<Option<&'v mut Value>> {
    let Some((key, rest)) = path.split_first() else { return Ok(Some(value)) };
    let child = match (key, value) {
        (Key::Name(_), Value::Null) => None,
        (Key::Name(name), Value::Object(members)) => members.get_mut(name),
        (Key::Name(_), _) => return Err(ErrorReason::DatakeyNotAnObject),
        (Key::Index(index), Value::Null) if *index >= 0 => None,
        (Key::Index(_), Value::Null) => return Err(ErrorReason::DatakeyIndexInvalid),
        (Key::Index(index), Value::Array(elements)) => {
            let position = position(*index, elements.len())?;
            elements.get_mut(position)
        }
        (Key::Index(_), _) => return Err(ErrorReason::DatakeyNotAnArray),
    };
    match child {
        Some(child) => find(child, rest),
        None if rest.iter().any(|key| matches!(key, Key::Index(..0))) => {
            Err(ErrorReason::DatakeyIndexInvalid)
        }
        None => Ok(None),
    }
}

fn position(index: i64, length: usize) -> Answer<usize> {
    let position = if index < 0 { index + i64::try_from(length).unwrap() } else { index };
    usize::try_from(position).map_err(|_| ErrorReason::DatakeyIndexInvalid)
}

fn put(value: &mut Value, path: &[Key], new: Value) -> Answer<()> {
    let Some((key, rest)) = path.split_first() else {
        *value = new;
        return Ok(());
    };
    match key {
        Key::Name(name) => {
            if value.is_null() {
                *value = json!({});
            }
            let members = value.as_object_mut().ok_or(ErrorReason::DatakeyNotAnObject)?;
            put(members.entry(name.as_str()).or_insert(Value::Null), rest, new)
        }
        Key::Index(index) => {
            if value.is_null() {
                *value = json!([]);
            }
            let elements = value.as_array_mut().ok_or(ErrorReason::DatakeyNotAnArray)?;
            let position = position(*index, elements.len())?;
            while elements.len() <= position {
                elements.push(Value::Null);
            }
            put(&mut elements[position], rest, new)
        }
    }
}

fn delete(root: &mut Value, path: &[Key]) -> Answer<()> {
    if find(root, path)?.is_none() {
        return Ok(());
    }
    let (last, parents) = path.split_last().unwrap();
    match (find(root, parents)?.unwrap(), last) {
        (Value::Object(members), Key::Name(name)) => {
            members.shift_remove(name);
        }
        (Value::Array(elements), Key::Index(index)) => {
            let position = position(*index, elements.len())?;
            elements[position] = Value::Null;
            if position + 1 == elements.len() {
                elements.pop();
            }
        }
        _ => unreachable!("found children have parents"),
    }
    Ok(())
}

fn merge(old: &mut Map<String, Value>, new: Map<String, Value>, mode: &str) {
    for (name, value) in new {
        let wanted = match mode {
            "merge_update" => old.contains_key(&name),
            "merge_insert" => !old.contains_key(&name),
            _ => true,
        };
        if wanted {
            old.insert(name, value);
        }
    }
}

fn step(root: &mut Value, path: &[Key], mode: &str, new: Value) -> Answer<()> {
    let exists = match mode {
        "set" => false,
        "merge" | "merge_update" | "merge_insert" if !new.is_object() => {
            return Err(ErrorReason::DatakeyNotAnObject);
        }
        // Where parts of a path are created, null does not exist.
        "merge" | "merge_update" | "merge_insert" | "push" | "unshift" => {
            find(root, path)?.is_some_and(|value| !value.is_null())
        }
        _ => find(root, path)?.is_some(),
    };
    match (mode, exists) {
        ("delete", _) => delete(root, path),
        ("update" | "merge_update", false) | ("insert", true) => Ok(()),
        ("push" | "unshift", false) if !new.is_array() => put(root, path, json!([new])),
        (_, false) | ("update", true) => put(root, path, new),
        ("push" | "unshift", true) => {
            let old = find(root, path)?.unwrap();
            let old = old.as_array_mut().ok_or(ErrorReason::DatakeyNotAnArray)?;
            let new = if let Value::Array(new) = new { new } else { vec![new] };
            let at = if mode == "push" { old.len() } else { 0 };
            old.splice(at..at, new);
            Ok(())
        }
        _ => {
            let Value::Object(new) = new else { unreachable!("checked above") };
            let old = find(root, path)?.unwrap();
            merge(old.as_object_mut().ok_or(ErrorReason::DatakeyNotAnObject)?, new, mode);
            Ok(())
        }
    }
}

/// One random change.
#[derive(Debug, Clone)]
struct Action {
    path: Vec<Key>,
    mode: &'static str,
    value: Value,
    copy_from: Option<Vec<Key>>,
}

impl Action {
    fn wire(&self) -> DatakeyChange {
        let path = spelled(&self.path);
        match &self.copy_from {
            Some(from) => change((&path, &format!("{}.copy", self.mode), &spelled(from))),
            None if self.mode == "delete" => change((&path, self.mode, "")),
            None => change((&path, self.mode, &self.value.to_string())),
        }
    }

    fn model(&self, root: &mut Value, source: Option<&Value>) -> Answer<()> {
        let value = match &self.copy_from {
            None => self.value.clone(),
            Some(from) => {
                let mut source = source.unwrap_or(root).clone();
                find(&mut source, from).ok().flatten().cloned().unwrap_or_default()
            }
        };
        step(root, &self.path, self.mode, value)
    }
}

fn spelled(path: &[Key]) -> String {
    let key = |key: &Key| match key {
        Key::Name(name) => format!(".{}", name.replace('.', "\\.")),
        Key::Index(index) => format!("[{index}]"),
    };
    path.iter().map(key).collect::<String>()[1..].to_owned()
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "d.\"\n", "я"]).prop_map(str::to_owned)
}

fn path() -> impl Strategy<Value = Vec<Key>> {
    let key = prop_oneof![3 => name().prop_map(Key::Name), 2 => (-2_i64..4).prop_map(Key::Index)];
    (name(), prop::collection::vec(key, 0..3)).prop_map(|(name, mut rest)| {
        rest.insert(0, Key::Name(name));
        rest
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(Value::from),
        "[a-z\"\n]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            object(inner),
        ]
    })
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let members = prop::collection::vec((name(), inner), 0..5);
    members.prop_map(|members| Value::Object(members.into_iter().collect()))
}

fn action() -> impl Strategy<Value = Action> {
    let mode = prop::sample::select(vec![
        "set",
        "update",
        "insert",
        "merge",
        "merge_update",
        "merge_insert",
        "push",
        "unshift",
        "delete",
    ]);
    let copy_from = prop::option::weighted(0.3, path());
    (path(), mode, value(), copy_from).prop_map(|(path, mode, value, copy_from)| Action {
        path,
        mode,
        value,
        copy_from: copy_from.filter(|_| mode != "delete"),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn changes_do_what_the_model_does(
        before in object(value()),
        actions in prop::collection::vec(action(), 1..6),
        source in prop::option::of(object(value())),
    ) {
        let text = before.to_string();
        let changes: Vec<_> = actions.iter().map(Action::wire).collect();
        let changes = compile(&changes).unwrap();
        let source_text = source.as_ref().map(Value::to_string);
        let copy_source = source_text.as_deref().map_or(CopySource::Itself, other);
        let actual = apply_all(&text, &changes, copy_source, &moment("UTC"));

        let mut expected = before.clone();
        let mut apply = |action: &Action| action.model(&mut expected, source.as_ref());
        let result = actions.iter().try_for_each(&mut apply);
        match actual {
            Err(fault) => prop_assert_eq!(Err(fault.reason), result),
            Ok(outcome) => {
                prop_assert_eq!(result, Ok(()));
                prop_assert_eq!(outcome.text.is_none(), outcome.deltas.is_empty());
                let after = outcome.text.as_ref().unwrap_or(&text);
                prop_assert_eq!(after, &expected.to_string());
                let mut replayed = before;
                for delta in &outcome.deltas {
                    let members = replayed.as_object_mut().unwrap();
                    let former = members.get(&*delta.key).map(Value::to_string);
                    prop_assert_eq!(former.as_deref(), delta.before);
                    match &delta.after {
                        Some(after) => {
                            let after = serde_json::from_str(after).unwrap();
                            members.insert(delta.key.to_string(), after)
                        }
                        None => members.shift_remove(&*delta.key),
                    };
                }
                prop_assert_eq!(replayed, expected);
            }
        }
    }
}
