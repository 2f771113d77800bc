//! Every fault of a change with its details.

use _native::datakey::copy_data;
use _native::wire::v1::{DatakeyChange, DatakeyMode, ErrorReason};

use crate::support::{apply, change, compile, date_change, described};

fn check(broken: DatakeyChange, reason: ErrorReason, details: &str) {
    let fault = compile(&[change(("fine", "set", "1")), broken]).unwrap_err();
    assert_eq!(described(&fault), (reason, details.to_owned()));
    assert!(fault.message.ends_with('.'));
}

#[test]
fn compiling() {
    use ErrorReason as R;
    check(change(("a..b", "set", "1")), R::DatakeyPathInvalid, "index=1 path=a..b");
    check(change(("a", "set.copy", "b[")), R::DatakeyPathInvalid, "index=1 path=b[");
    check(change(("a", "set.copy", "")), R::DatakeyPathInvalid, "index=1 path=");
    check(change(("a.*", "set", "1")), R::DatakeyWildcard, "index=1 path=a.*");
    check(change(("a", "set.copy", "b[*]")), R::DatakeyWildcard, "index=1 path=b[*]");
    let mode = |mode| DatakeyChange { mode, ..change(("a", "set", "1")) };
    check(mode(0), R::DatakeyModeUnknown, "index=1");
    check(mode(99), R::DatakeyModeUnknown, "index=1");
    check(date_change("int", "\"1\""), R::DatakeyTypeUnknown, "index=1 type=int");
    check(
        date_change("dt:YD", "\"2026-02-30\""),
        R::DatakeyDateInvalid,
        "index=1 type=dt:YD value=2026-02-30",
    );
    check(
        date_change("dt:YD", "\"current + 1 yea\""),
        R::DatakeyDateInvalid,
        "index=1 type=dt:YD value=current + 1 yea",
    );
    check(change(("a", "set", "")), R::JsonInvalid, "index=1 offset_bytes=0");
    check(change(("a", "set", "{\"a\":1,\"a\":2}")), R::JsonInvalid, "index=1 offset_bytes=8");
    check(change(("a", "set", &"[".repeat(65))), R::JsonTooDeep, "index=1 max=64");
    let long = format!("{}.", "я".repeat(300));
    let details = format!("index=1 path={}…", "я".repeat(200));
    check(change((&long, "set", "1")), R::DatakeyPathInvalid, &details);
}

#[test]
fn unexpected_values() {
    let unexpected = [
        change(("a", "delete", "1")),
        change(("a", "delete", "{}")),
        DatakeyChange { r#type: "dt".into(), ..change(("a", "delete", "")) },
        DatakeyChange { copy_path: "b".into(), ..change(("a", "delete", "")) },
        DatakeyChange { copy_path: "b".into(), ..change(("a", "set", "1")) },
        DatakeyChange { value: "1".into(), ..change(("a", "push.copy", "b")) },
    ];
    for broken in unexpected {
        check(broken, ErrorReason::DatakeyValueUnexpected, "index=1");
    }
}

#[test]
fn every_mode_of_the_contract_compiles() {
    for number in 1..=17 {
        let mode = DatakeyMode::try_from(number).unwrap();
        let is_copy = mode.as_str_name().ends_with("_COPY");
        let value = if is_copy || mode == DatakeyMode::Delete { "" } else { "1" };
        let change = DatakeyChange {
            path: "a".into(),
            mode: number,
            value: value.into(),
            copy_path: if is_copy { "b".into() } else { String::new() },
            ..DatakeyChange::default()
        };
        compile(&[change]).unwrap();
    }
}

#[test]
fn applying() {
    use ErrorReason as R;
    let check = |before: &str, path: &str, mode: &str, reason: ErrorReason| {
        let fault = apply(before, &[("x", "set", "1"), (path, mode, "1")]).unwrap_err();
        assert_eq!(described(&fault), (reason, format!("index=1 path={path}")));
    };
    check(r#"{"a":1}"#, "a.b", "set", R::DatakeyNotAnObject);
    check(r#"{"a":1}"#, "a[1]", "set", R::DatakeyNotAnArray);
    check(r#"{"a":[]}"#, "a[-1]", "set", R::DatakeyIndexInvalid);
    check("{}", "a[10000]", "set", R::DatakeyIndexInvalid);
    check("{}", "a", "merge", R::DatakeyNotAnObject);
}

#[test]
fn copied_data() {
    const FIELD: &str = "field=copy_source.data";
    assert_eq!(copy_data(br#" { "a" : 1 } "#).unwrap(), r#"{"a":1}"#);
    let check = |data: &str, reason, details: &str| {
        let fault = copy_data(data.as_bytes()).unwrap_err();
        assert_eq!(described(&fault), (reason, details.to_owned()));
    };
    check("[]", ErrorReason::FieldInvalid, FIELD);
    check("{", ErrorReason::JsonInvalid, &format!("{FIELD} offset_bytes=1"));
    check(&"[".repeat(65), ErrorReason::JsonTooDeep, &format!("{FIELD} max=64"));
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20));
    let details = format!("actual={} {FIELD} limit=datakey_value_bytes max=1048576", large.len());
    check(&large, ErrorReason::LimitExceeded, &details);
}
