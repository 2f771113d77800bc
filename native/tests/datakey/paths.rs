//! The grammar of paths and patterns.

use _native::datakey::{Element, Index, Path, Pattern, Reserved, Step};
use _native::wire::v1::ErrorReason::{self, DatakeyPathInvalid, DatakeyWildcard, LimitExceeded};
use proptest::prelude::*;

fn name(text: &str) -> Element {
    Element::Name(text.to_owned())
}

fn front(position: usize) -> Element {
    Element::Index(Index::Front(position))
}

fn back(distance: usize) -> Element {
    Element::Index(Index::Back(distance))
}

#[test]
fn accepted() {
    let cases: &[(&str, &[Element])] = &[
        ("a", &[name("a")]),
        ("a.b.c", &[name("a"), name("b"), name("c")]),
        ("aaa.b@b\\.b.ccc", &[name("aaa"), name("b@b.b"), name("ccc")]),
        ("a\\[0\\]", &[name("a[0]")]),
        // The name of a backslash is kept as JSON spells it.
        ("\\\\", &[name("\\\\")]),
        ("a\"b\n.c", &[name("a\\\"b\\n"), name("c")]),
        ("a[0]", &[name("a"), front(0)]),
        ("a[10][2].b", &[name("a"), front(10), front(2), name("b")]),
        ("a[-1]", &[name("a"), back(1)]),
        ("a[-12].b", &[name("a"), back(12), name("b")]),
        ("a[99999999999999999999999]", &[name("a"), front(usize::MAX)]),
        ("ключ.数据", &[name("ключ"), name("数据")]),
        (" a . b ", &[name(" a "), name(" b ")]),
        ("0.1", &[name("0"), name("1")]),
        ("A.a", &[name("A"), name("a")]),
        ("a*.**", &[name("a*"), name("**")]),
        ("-group.pl1", &[name("-group"), name("pl1")]),
    ];
    for (text, expected) in cases {
        let path = Path::parse(0, text).unwrap();
        assert_eq!(path.elements(), *expected, "{text}");
        assert_eq!(path.text(), *text);
    }
}

#[test]
fn refused() {
    let check = |text: &str, reason: ErrorReason| {
        let fault = Path::parse(3, text).unwrap_err();
        assert_eq!((fault.reason, fault.details["index"].as_str()), (reason, "3"), "{text}");
    };
    let invalid = [
        "", ".", "a.", ".a", "a..b", "[0]", "a[", "a[0", "a]", "a[]", "a[b]", "a[0]b", "a[0].",
        "a.[0]", "a[01]", "a[-0]", "a[--1]", "a[+1]", "a[1.0]", "a[ 1]", "a[*", "a\\", "a\\b",
        "a\\*", "a[٣]",
    ];
    for text in invalid {
        check(text, DatakeyPathInvalid);
    }
    for text in ["*", "a.*", "a[*]", "a.*.b", "a[*][0]"] {
        check(text, DatakeyWildcard);
    }
    Path::parse(0, &["a"; 32].join(".")).unwrap();
    Path::parse(0, &format!("a{}", "[0]".repeat(31))).unwrap();
    check(&["a"; 33].join("."), LimitExceeded);
    check(&format!("a{}", "[0]".repeat(32)), LimitExceeded);
}

#[test]
fn patterns() {
    let step = Step::Element;
    let cases: &[(&str, &[Step])] = &[
        ("*", &[Step::EveryMember]),
        ("a.*", &[step(name("a")), Step::EveryMember]),
        ("a[*]", &[step(name("a")), Step::EveryElement]),
        ("*[*].b", &[Step::EveryMember, Step::EveryElement, step(name("b"))]),
        ("a[-1]", &[step(name("a")), step(back(1))]),
        ("a*", &[step(name("a*"))]),
    ];
    for (text, expected) in cases {
        let pattern = Pattern::parse(0, text).unwrap();
        assert_eq!(pattern.steps(), *expected, "{text}");
        assert_eq!(pattern.is_everything(), *text == "*");
    }
    for text in ["", "a.", "a[*]b", "[*]", "a[**]"] {
        let fault = Pattern::parse(0, text).unwrap_err();
        assert_eq!(fault.reason, DatakeyPathInvalid, "{text}");
    }
}

#[test]
fn reserved() {
    let group = |id: &str| Some(Reserved::Group(Some(id.to_owned().into())));
    let cases: &[(&str, Option<Reserved>)] = &[
        ("a", None),
        ("a.member", None),
        ("members", None),
        ("Member.id", None),
        ("member", Some(Reserved::Member(""))),
        ("member.error.error", Some(Reserved::Member("error.error"))),
        ("member.lockconfirm", Some(Reserved::Member("lockconfirm"))),
        ("member[0]", Some(Reserved::Member("[0]"))),
        ("-group", Some(Reserved::Group(None))),
        ("-group.pl12", group("pl12")),
        ("-group.a\\.b\"", group("a.b\"")),
        ("-group.a.b", Some(Reserved::Group(None))),
        ("-group.a[0]", Some(Reserved::Group(None))),
    ];
    for (text, expected) in cases {
        assert_eq!(Path::parse(0, text).unwrap().reserved(), *expected, "{text}");
        assert_eq!(Pattern::parse(0, text).unwrap().reserved(), *expected, "{text}");
    }
    for (text, expected) in [
        ("*", None),
        ("*.member", None),
        ("member.*", Some(Reserved::Member("*"))),
        ("-group.*", Some(Reserved::Group(None))),
        ("-group.a.*", Some(Reserved::Group(None))),
    ] {
        assert_eq!(Pattern::parse(0, text).unwrap().reserved(), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "[.\\[\\]\\\\*\\-0-2aя\"\n]{0,12}") {
        let pattern = Pattern::parse(0, &text);
        match Path::parse(0, &text) {
            Ok(path) => {
                let steps: Vec<_> = path.elements().iter().cloned().map(Step::Element).collect();
                let pattern = pattern.unwrap();
                prop_assert_eq!(pattern.steps(), steps);
            }
            Err(fault) if fault.reason == DatakeyWildcard => prop_assert!(pattern.is_ok()),
            Err(_) => prop_assert!(pattern.is_err()),
        }
    }
}
