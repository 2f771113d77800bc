//! What columns are by their names, by their captions and by their cells.

use _native::reading::{Inspection, inspect, inspect_express};
use _native::wire::v1::import_column::Target;
use _native::wire::v1::{
    AddressColumn, AddressType, AttachColumn, CellFormat, Confidence, ContactIdColumn,
    DatakeyColumn, DatakeyMode, DetachColumn, ErrorReason, FieldColumn, FirstLine, IgnoredColumn,
    ImportReading, StatusColumn, Warning,
};

use crate::support::{file, inspected};

fn with_type(content: &str, addr_type: AddressType) -> Inspection {
    let mut reading = ImportReading::default();
    reading.set_addr_type(addr_type);
    inspect(&file(content).path, &reading, &[]).expect("an inspection")
}

/// The target of a column beside one of e-mails, `shop` and `a b`.
fn target(name: &str) -> Target {
    let inspection =
        inspected(&file(format!("member.email\tshop\ta b\t{name}\na@a.ru\t1\t2\t3\n")));
    assert_eq!(inspection.problem, None, "{name}");
    let column = inspection.layout.columns[3].clone();
    assert_eq!(column.name, name);
    column.target.expect("a target")
}

#[track_caller]
fn check(name: &str, expected: &Target) {
    assert_eq!(target(name), *expected);
}

#[track_caller]
fn check_datakey(name: &str, change: impl FnOnce(&mut DatakeyColumn)) {
    let mut expected = DatakeyColumn { path: name.to_owned(), ..DatakeyColumn::default() };
    expected.set_mode(DatakeyMode::Set);
    change(&mut expected);
    assert_eq!(target(name), Target::Datakey(expected));
}

#[test]
fn names_have_meanings() {
    let address = |kind: AddressType| Target::Address(AddressColumn { r#type: kind.into() });
    let attach = |kind: AddressType| Target::Attach(AttachColumn { r#type: kind.into() });
    check("member.cellphone", &address(AddressType::Msisdn));
    check("member.msisdn", &address(AddressType::Msisdn));
    check("member.viber", &address(AddressType::Viber));
    check("member.csid", &address(AddressType::Csid));
    check("member.tg", &address(AddressType::Tg));
    check("member.vknotify", &address(AddressType::Vknotify));
    check("member.pushapp", &address(AddressType::Pushapp));
    check("member.max", &address(AddressType::Max));
    check("external_customer_id", &address(AddressType::Csid));
    check("contact_id", &Target::ContactId(ContactIdColumn {}));
    check("member.head.attach", &attach(AddressType::Unspecified));
    check("member.attach", &attach(AddressType::Unspecified));
    check("member.head.attach:tg", &attach(AddressType::Tg));
    let detach = DetachColumn { r#type: AddressType::Csid.into() };
    check("member.head.detach:csid", &Target::Detach(detach));
    check("/status", &Target::Status(StatusColumn {}));
    check("-", &Target::Ignored(IgnoredColumn {}));
    check("@crm.id", &Target::Field(FieldColumn { path: "crm.id".to_owned() }));
}

#[test]
fn other_names_are_datakeys() {
    check_datakey("base.firstName", |_| {});
    check_datakey("Имя", |_| {});
    check_datakey("member.origin", |_| {});
    check_datakey("-group.vip", |_| {});
    check_datakey("visits:update", |column| {
        column.path = "visits".to_owned();
        column.set_mode(DatakeyMode::Update);
    });
    check_datakey("base.birth:merge_insert:dt:YD:empty", |column| {
        column.path = "base.birth".to_owned();
        column.set_mode(DatakeyMode::MergeInsert);
        column.r#type = "dt:YD".to_owned();
        column.write_empty = true;
    });
    check_datakey("tags:push:json", |column| {
        column.path = "tags".to_owned();
        column.set_mode(DatakeyMode::Push);
        column.set_format(CellFormat::Json);
    });
    check_datakey("a\\:b", |column| column.path = "a:b".to_owned());
    check_datakey("\\@a", |column| column.path = "@a".to_owned());
    check_datakey("=visits", |column| {
        column.path = "visits".to_owned();
        column.calc = true;
    });
    check_datakey("\\=visits", |column| column.path = "=visits".to_owned());
    check_datakey("bonus.{shop}", |column| column.dynamic = true);
    check_datakey("=bonus.x{a b}", |column| {
        column.path = "bonus.x{a b}".to_owned();
        column.dynamic = true;
        column.calc = true;
    });
    check_datakey("bonus.{other}", |_| {});
}

#[test]
fn names_without_meaning_stop_an_import() {
    let long = "x".repeat(1_025);
    for name in [
        "member.fax",
        "a..b",
        "a[",
        "a:set.copy",
        "a:b",
        "a:set:update",
        ":set",
        "member.head.attach:fax",
        "member.email",
        "shop",
        &long,
    ] {
        let inspection = inspected(&file(format!("member.email\tshop\t{name}\na@a.ru\t1\t2\n")));
        let fault = inspection.problem.expect(name);
        assert_eq!(fault.reason, ErrorReason::ImportColumnInvalid, "{name}");
        assert_eq!(fault.details["column"], "2");
        let is_told = |reason| reason == ErrorReason::ImportColumnInvalid;
        assert!(inspection.warnings.iter().any(|warning| is_told(warning.reason())), "{name}");
    }
    let name = "x".repeat(1_024);
    assert_eq!(inspected(&file(format!("member.email\t{name}\na@a.ru\t2\n"))).problem, None);
}

#[test]
fn a_report_of_rejected_rows_is_no_file_to_import() {
    for (names, refused) in [
        (["row", "reason", "message", "details", "member.email"], true),
        (["line", "reason", "message", "details", "member.email"], false),
        (["member.email", "row", "reason", "message", "details"], false),
    ] {
        for separator in [",", ";"] {
            let content = [names, ["a@a.ru"; 5]].map(|row| row.join(separator)).join("\n");
            let problem = inspected(&file(content)).problem;
            let told = problem.is_some_and(|fault| fault.message.contains("report of rejected"));
            assert_eq!(told, refused, "{names:?}");
        }
    }
}

#[test]
fn a_thousand_columns_are_not_too_many() {
    for columns in [1_000, 1_001] {
        let names: Vec<String> = (1..columns).map(|number| format!("c{number}")).collect();
        let inspection = inspected(&file(format!("member.email,{}\n", names.join(","))));
        let reason = inspection.problem.map(|fault| fault.reason);
        assert_eq!(reason, (columns > 1_000).then_some(ErrorReason::LimitExceeded));
    }
}

#[track_caller]
fn check_guess(content: &str, addr_type: AddressType, expected: Option<(usize, AddressType)>) {
    let inspection = with_type(content, addr_type);
    let mut addresses =
        inspection.layout.columns.iter().enumerate().filter_map(|(index, column)| {
            let Some(Target::Address(address)) = &column.target else { return None };
            Some((index, address.r#type()))
        });
    assert_eq!(addresses.next(), expected);
    assert_eq!(addresses.next(), None);
    let is_told = |reason| reason == ErrorReason::ImportColumnGuessed;
    let told = inspection.warnings.iter().filter(|warning| is_told(warning.reason())).count();
    assert_eq!(told, usize::from(expected.is_some()));
    let reason = inspection.problem.map(|fault| fault.reason);
    let missing = expected.is_none().then_some(ErrorReason::ImportKeyColumnMissing);
    assert_eq!(reason, missing);
}

#[test]
fn columns_of_addresses_are_guessed_where_no_name_says_it() {
    let any = AddressType::Unspecified;
    let (email, phone) = (AddressType::Email, AddressType::Msisdn);
    check_guess("Имя;E-mail\nАнна;a@example.com\n", any, Some((1, email)));
    check_guess("Имя;Телефон\nАнна;+79161234567\n", any, Some((1, phone)));
    check_guess("Имя;Связь\nАнна;+79161234567\n", any, Some((1, phone)));
    check_guess("Анна;a@example.com\nОльга;b@example.com\n", any, Some((1, email)));
    check_guess("a@example.com\nb@example.com\n", any, Some((0, email)));
    // Said types go before seen ones.
    let both = "Email;Телефон\na@example.com;+79161234567\n";
    check_guess(both, any, Some((0, email)));
    check_guess(both, phone, Some((1, phone)));
    check_guess(both, AddressType::Viber, Some((1, AddressType::Viber)));
    check_guess(both, AddressType::Tg, None);
    check_guess("Telegram;Имя\n12345;Анна\n", AddressType::Tg, Some((0, AddressType::Tg)));
    check_guess("A-15\nB-16\n", AddressType::Csid, Some((0, AddressType::Csid)));
    // Two columns that could be it are none, and so are cells that are something else.
    check_guess("a;b\nx@example.com;y@example.com\n", any, None);
    check_guess("Имя;Email\nАнна;нет\nОльга;нет\nЮлия;a@example.com\n", phone, None);
    check_guess("Имя;Город\nАнна;Уфа\n", any, None);
    check_guess("Имя;Код\nАнна;12345\n", any, None);
}

#[track_caller]
fn check_missing(content: &str, addr_type: AddressType, advice: &str) {
    let fault = with_type(content, addr_type).problem.expect("a problem");
    assert_eq!(fault.reason, ErrorReason::ImportKeyColumnMissing);
    assert!(fault.message.ends_with(advice), "{}", fault.message);
    assert_eq!(fault.message.contains("addr_type"), advice.contains("addr_type"));
}

#[test]
fn what_is_missing_is_not_what_was_said() {
    let (any, two) = (AddressType::Unspecified, "12345;Анна\n67890;Ольга\n");
    check_missing(two, any, "name one contact_id, external_customer_id or member.TYPE.");
    check_missing("12345\n67890\n", any, "or member.TYPE, or say addr_type.");
    for addr_type in (1..).map_while(|number| AddressType::try_from(number).ok()) {
        let name = addr_type.as_str_name().trim_start_matches("ADDRESS_TYPE_").to_lowercase();
        check_missing(two, addr_type, &format!("name it member.{name}."));
        // It is found as soon as that was done, or where there is no other one.
        for content in [format!("member.{name};Имя\n{two}"), "12345\n67890\n".to_owned()] {
            assert_eq!(with_type(&content, addr_type).problem, None, "{name}: {content}");
        }
    }
}

#[test]
fn a_type_that_is_said_is_that_of_columns_that_attach() {
    let content = "member.csid\tmember.head.attach\nA\tb\n";
    for (said, expected) in [
        (AddressType::Tg, AddressType::Tg),
        (AddressType::Email, AddressType::Unspecified),
        (AddressType::Msisdn, AddressType::Unspecified),
    ] {
        let column = &with_type(content, said).layout.columns[1];
        let attach = AttachColumn { r#type: expected.into() };
        assert_eq!(column.target, Some(Target::Attach(attach)));
    }
}

#[test]
fn captions_say_what_is_done() {
    let content = "{\"caption\": [{\"datakey\": \"member.email\", \"mode\": \"set\"},
        {\"datakey\": \"visits\", \"calc\": \"1\", \"autodetect\": 1},
        {\"datakey\": \"born\", \"type\": \"dt:YD\", \"mode\": \"insert\"},
        {\"anketa\": \"base\", \"quest\": \"city\"}, {\"/status\": \"1\"},
        {\"datakey\": \"x\", \"ignore\": 1}, {\"datakey\": \"y\", \"ignore\": \"0\"}],
        \"rows\": [[\"a@example.com\"]]}";
    let inspection = inspected(&file(content));
    let meanings: Vec<&str> =
        inspection.columns.iter().map(|column| column.meaning.as_str()).collect();
    assert_eq!(
        meanings,
        [
            "matches by and attaches the address of type email",
            "adds to the number at the datakey visits",
            "changes the datakey born in the mode insert, as a date of type dt:YD",
            "changes the datakey base.city in the mode set",
            "says whether the identifier takes part",
            "is not read",
            "changes the datakey y in the mode set",
        ]
    );
    let warnings: Vec<ErrorReason> = inspection.warnings.iter().map(Warning::reason).collect();
    assert_eq!(warnings, [ErrorReason::FieldInvalid]);
    let unknown = "{\"caption\": [{\"datakey\": \"a\", \"mode\": \"x\"}], \"rows\": []}";
    let problem = inspected(&file(unknown)).problem.expect("a problem");
    assert_eq!(problem.reason, ErrorReason::ImportColumnInvalid);
}

/// The only column beside one of e-mails, of an entry of a caption with these attributes.
fn captioned(attributes: &str) -> (Target, Vec<Warning>) {
    let inspection = inspected(&file(format!(
        "{{\"caption\": [\"member.email\", \"shop\", {{{attributes}}}],
          \"rows\": [[\"a@a.ru\", \"1\", \"2\"]]}}"
    )));
    assert_eq!(inspection.problem, None, "{attributes}");
    let target = inspection.layout.columns[2].target.clone();
    (target.expect("a target"), inspection.warnings)
}

#[test]
fn datakeys_of_a_caption_are_taken_literally() {
    let datakey = |path: &str| {
        let mut datakey = DatakeyColumn { path: path.to_owned(), ..DatakeyColumn::default() };
        datakey.set_mode(DatakeyMode::Set);
        datakey
    };
    for path in ["utm:set", "utm:source", "=x", "'=x", "a.b:dt:YD", "-group.vip"] {
        let attributes = format!("\"datakey\": \"{path}\"");
        assert_eq!(captioned(&attributes).0, Target::Datakey(datakey(path)), "{path}");
    }
    let calc = DatakeyColumn { calc: true, ..datakey("=x") };
    assert_eq!(captioned("\"datakey\": \"=x\", \"calc\": 1").0, Target::Datakey(calc));
    let dynamic = DatakeyColumn { dynamic: true, ..datakey("a.{shop}") };
    assert_eq!(captioned("\"datakey\": \"a.{shop}\"").0, Target::Datakey(dynamic));
    // Keys and columns of identifiers are what they are by name.
    let attach = AttachColumn { r#type: AddressType::Tg.into() };
    let attributes = "\"datakey\": \"member.head.attach:tg\"";
    assert_eq!(captioned(attributes).0, Target::Attach(attach));
    let field = FieldColumn { path: "crm.id".to_owned() };
    assert_eq!(captioned("\"datakey\": \"@crm.id\"").0, Target::Field(field));
    let unknown = "{\"caption\": [{\"datakey\": \"member.fax:set\"}], \"rows\": []}";
    let problem = inspected(&file(unknown)).problem.expect("a problem");
    assert_eq!(problem.reason, ErrorReason::ImportColumnInvalid);
}

#[test]
fn attributes_of_a_caption_that_mean_nothing_are_told() {
    let (_, warnings) = captioned("\"datakey\": \"n\", \"tpye\": \"dt:YD\"");
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert_eq!(warning.reason(), ErrorReason::FieldInvalid);
    assert_eq!(warning.details["field"], "caption.tpye");
    assert_eq!(warning.details["column"], "2");
    let known = "\"datakey\": \"n\", \"type\": \"dt:YD\", \"mode\": \"set\", \"calc\": 0, \
                 \"ignore\": 0, \"autodetect\": 0";
    assert_eq!(captioned(known).1, []);
}

#[test]
fn an_express_list_takes_any_names() {
    let express = |content: &str| {
        inspect_express(&file(content).path, &ImportReading::default(), &[]).expect("told")
    };
    let inspection =
        express("member.email;Сумма, руб.;a:b;a..b;*;x[;member.origin:set;;-\na@a.ru;1;2\n");
    assert_eq!(inspection.problem, None);
    let columns = &inspection.layout.columns;
    let kept = columns.iter().filter(|it| matches!(it.target, Some(Target::Datakey(_))));
    let names: Vec<&str> = kept.map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["Сумма, руб.", "a:b", "a..b", "*", "x[", "member.origin:set"]);
    let is_unnamed = |warning: &&Warning| warning.reason() == ErrorReason::ImportColumnUnnamed;
    let unnamed = inspection.warnings.iter().find(is_unnamed).expect("a warning");
    assert_eq!(unnamed.details["column"], "7");
    // What would change members is still seen, and so are mistakes in the names of keys.
    for name in ["=visits", "member.fax", "'=a:b"] {
        let inspection = express(&format!("member.email;{name}\na@a.ru;1\n"));
        let is_calc = matches!(&inspection.layout.columns[1].target,
            Some(Target::Datakey(datakey)) if datakey.calc);
        assert!(is_calc || inspection.problem.is_some(), "{name}");
    }
}

#[track_caller]
fn check_first(content: &str, line: FirstLine, confidence: Confidence) {
    let layout = inspected(&file(content)).layout;
    let told = layout.reading.as_ref().expect("a reading").first_line();
    assert_eq!((told, layout.first_line_confidence()), (line, confidence), "{content}");
}

#[test]
fn the_first_line_is_names_or_data() {
    use Confidence::{Certain, Guess, Likely};
    use FirstLine::{Data, Names};
    check_first("member.email;x\n", Names, Certain);
    check_first("x;a@example.com\n", Data, Certain);
    check_first("имя;почта\n", Names, Likely);
    check_first("код;имя\n15;Анна\n16;Ольга\n", Names, Likely);
    check_first("15;Анна\n16;Ольга\n", Data, Guess);
    check_first("Анна;Уфа\nОльга;Омск\n", Data, Guess);
    check_first("@crm.id;x\n5;y\n", Names, Certain);
    check_first("Телефон;Почта\n", Names, Certain);
}

#[test]
fn addresses_below_tell_more_than_a_number() {
    use Confidence::{Certain, Guess, Likely};
    use FirstLine::{Data, Names};
    let rows = "Анна;anna@example.com;5\n".repeat(30);
    check_first(&format!("Имя;Почта клиента;2023\n{rows}"), Names, Likely);
    check_first(&format!("Имя;Почта;2023\n{rows}"), Names, Certain);
    check_first("Имя;Связь;2023\nАнна;+79161234567;5\n", Names, Likely);
    check_first("Имя;2022;2023\nАнна;4;5\n", Data, Guess);
    // An address that is missing or wrong is no name.
    check_first(&format!("Вера;;7\n{rows}"), Data, Guess);
    check_first(&format!("Вера;vera@example;7\n{rows}"), Data, Guess);
    check_first(&format!("Вера;нет;7\nИван;нет;8\n{rows}"), Data, Guess);
    check_first("Вера;12345;7\nАнна;+79161234567;5\n", Data, Guess);
}

#[test]
fn people_and_choices_are_no_headings() {
    use Confidence::{Certain, Guess, Likely};
    use FirstLine::{Data, Names};
    check_first("Max;123\nAnna;456\n", Data, Guess);
    check_first("Max;Smith\nAnna;Jones\n", Names, Guess);
    check_first("Max;Viber\nAnna;tel\n", Data, Guess);
    check_first("@anna;Omsk\n@boris;Perm\n", Data, Guess);
    check_first("Max;anna\nx;+79161234567\n", Names, Certain);
    check_first("tel;name\n12-34-56;Anna\n", Names, Likely);
}

/// The columns of a file that is read with other names.
fn renamed(content: &str, renames: &[(&str, &str)], prefix: &str) -> Inspection {
    let renames = renames.iter().map(|(name, other)| ((*name).to_owned(), (*other).to_owned()));
    let reading = ImportReading {
        renames: renames.collect(),
        prefix: prefix.to_owned(),
        trim: true,
        ..ImportReading::default()
    };
    inspect(&file(content).path, &reading, &[]).expect("an inspection")
}

#[test]
fn columns_get_other_names_and_a_prefix() {
    let content = "ID, EMAIL,Full.Name,member.tg\nr-1, A@a.ru , Ann ,7\n";
    let renames = [("ID", "external_customer_id"), ("EMAIL", "member.email")];
    let inspection = renamed(content, &renames, "crm.");
    assert_eq!(inspection.problem, None);
    assert_eq!(inspection.layout.reading.as_ref().unwrap().first_line(), FirstLine::Names);
    let columns = &inspection.layout.columns;
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["ID", "EMAIL", "Full.Name", "member.tg"]);
    let address = |kind: AddressType| Some(Target::Address(AddressColumn { r#type: kind.into() }));
    assert_eq!(columns[0].target, address(AddressType::Csid));
    assert_eq!(columns[1].target, address(AddressType::Email));
    assert_eq!(columns[3].target, address(AddressType::Tg));
    let Some(Target::Datakey(datakey)) = &columns[2].target else { panic!("no datakey") };
    assert_eq!(datakey.path, r"crm.Full\.Name");
    assert_eq!(inspection.rows[0].cells, ["r-1", "A@a.ru", "Ann", "7"]);
}

#[test]
fn a_column_to_rename_must_be_there() {
    let inspection = renamed("member.email\na@a.ru\n", &[("y", "z")], "");
    let fault = inspection.problem.expect("a problem");
    assert_eq!(fault.reason, ErrorReason::FieldInvalid);
    assert_eq!(fault.details["name"], "y");
}

#[test]
fn names_of_a_caller_go_before_those_of_the_file() {
    let reading = ImportReading {
        names: vec!["member.email".to_owned(), "=visits".to_owned()],
        first_line: FirstLine::Names.into(),
        ..ImportReading::default()
    };
    let inspection = inspect(&file("a,b\na@a.ru,1\n").path, &reading, &[]).expect("one");
    assert_eq!(inspection.problem, None);
    assert_eq!(inspection.layout.columns[1].name, "=visits");
    assert_eq!(inspection.rows.len(), 1);
}

#[test]
fn names_of_a_caller_are_not_for_objects() {
    let reading = ImportReading { names: vec!["member.email".to_owned()], ..Default::default() };
    let rows = ["{\"a\":\"a@a.ru\"}\n", "[\"a@a.ru\"]\n{\"a\":\"b@a.ru\"}\n"];
    for content in rows {
        let inspection = inspect(&file(content).path, &reading, &[]).expect("one");
        let fault = inspection.problem.expect("a problem");
        assert_eq!(fault.reason, ErrorReason::FieldInvalid);
        assert_eq!(fault.details["field"], "reading.names");
    }
}

#[test]
fn braces_that_nothing_fills_are_told() {
    let name_in = |header: &str| {
        let inspection = inspected(&file(format!("member.email,shop,{header}\na@a.ru,1,2\n")));
        assert_eq!(inspection.problem, None, "{header}");
        let unknown = ErrorReason::ColumnUnknown;
        let told = inspection.warnings.into_iter().filter(|warning| warning.reason() == unknown);
        told.map(|warning| warning.details["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(name_in("bonus.{Shop}"), ["Shop"]);
    assert_eq!(name_in("bonus.{ shop }.x"), [" shop "]);
    for header in ["bonus.{shop}", "{}", "a{b", "-"] {
        assert!(name_in(header).is_empty(), "{header}");
    }
    let express = file("member.email,shop,{Shop}\na@a.ru,1,2\n");
    let told = inspect_express(&express.path, &ImportReading::default(), &[]).expect("told");
    assert_eq!(told.warnings, [], "express columns are texts");
}

#[test]
fn a_first_line_that_cannot_be_read_may_have_had_names() {
    let inspection = inspected(&file("\"member.email,name\na@a.ru,Ann\nb@a.ru,Bob\n"));
    let reading = inspection.layout.reading.clone().expect("a reading");
    assert_eq!(reading.first_line(), FirstLine::Data);
    assert_eq!(inspection.layout.first_line_confidence(), Confidence::Guess);
    let guessed = |warning: &Warning| warning.reason() == ErrorReason::ImportGuessed;
    assert!(inspection.warnings.iter().any(guessed));
}

#[test]
fn attributes_of_a_caption_are_text() {
    for (entry, problem) in [
        ("{\"datakey\": \"n\", \"mode\": [\"merge\"]}", "\"mode\""),
        ("{\"datakey\": \"n\", \"type\": 5}", "\"type\""),
        ("{\"datakey\": 5}", "\"datakey\""),
        ("{\"anketa\": \"base\", \"quest\": 7}", "\"quest\""),
    ] {
        let caption = format!("[{{\"datakey\": \"member.email\"}}, {entry}]");
        let inspection =
            inspected(&file(format!("{{\"caption\": {caption}, \"rows\": [[\"a@a.ru\", 1]]}}")));
        let fault = inspection.problem.expect(entry);
        assert_eq!(fault.reason, ErrorReason::ImportColumnInvalid);
        assert!(fault.message.contains(problem), "{}", fault.message);
    }
    let absent = "[\"member.email\", {\"datakey\": \"n\", \"mode\": null, \"type\": \"\"}]";
    let inspection =
        inspected(&file(format!("{{\"caption\": {absent}, \"rows\": [[\"a@a.ru\", 1]]}}")));
    assert_eq!(inspection.problem, None);
}
