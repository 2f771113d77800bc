//! What cells and names look like to a person.

use crate::address::{address_types, looks_like_phone, type_name};
use crate::wire::v1::{AddressType, Confidence, FirstLine};

/// Digits of a phone with its area: shorter numbers are counts and codes.
const PHONE_DIGITS_MIN: usize = 10;

/// Names that people give a column of e-mails, in small letters.
const EMAIL_HEADINGS: &[&str] = &[
    "email",
    "e-mail",
    "e mail",
    "mail",
    "email address",
    "e-mail address",
    "почта",
    "эл. почта",
    "эл.почта",
    "электронная почта",
    "адрес электронной почты",
    "имейл",
    "емейл",
    "емайл",
    "e-mail адрес",
    "пошта",
    "електронна пошта",
    "ел. пошта",
];

/// Names that people give a column of phones.
const PHONE_HEADINGS: &[&str] = &[
    "phone",
    "phone number",
    "telephone",
    "tel",
    "mobile",
    "mobile phone",
    "cell",
    "cellphone",
    "телефон",
    "тел",
    "тел.",
    "номер телефона",
    "мобильный",
    "мобильный телефон",
    "моб. телефон",
    "телефон мобильный",
    "сотовый",
    "сотовый телефон",
    "мобільний",
    "мобільний телефон",
];

/// The type of addresses that a heading names.
pub(super) fn heading_type(name: &str) -> Option<AddressType> {
    let name = name.trim().to_lowercase();
    let name = name.as_str();
    if EMAIL_HEADINGS.contains(&name) {
        return Some(AddressType::Email);
    }
    if PHONE_HEADINGS.contains(&name) {
        return Some(AddressType::Msisdn);
    }
    match name {
        "telegram" | "телеграм" => Some(AddressType::Tg),
        _ => address_types().find(|kind| type_name(*kind) == name),
    }
}

/// The type of an address that can be told without being told.
pub(super) fn address_type_of(cell: &str) -> Option<AddressType> {
    let cell = cell.trim();
    if let Some((local, domain)) = cell.rsplit_once('@') {
        let is_email = !local.is_empty() && domain.contains('.') && !cell.contains([' ', ',']);
        return is_email.then_some(AddressType::Email);
    }
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    (digits >= PHONE_DIGITS_MIN && looks_like_phone(cell)).then_some(AddressType::Msisdn)
}

/// Whether a cell is an address beyond doubt.
pub(super) fn is_address(cell: &str) -> bool {
    address_type_of(cell).is_some()
}

/// Whether a cell is made of digits and what stands between digits: no name is.
fn is_number(cell: &str) -> bool {
    let is_of_number = |char: char| char.is_ascii_digit() || " .,-+:/".contains(char);
    cell.chars().any(|char| char.is_ascii_digit()) && cell.trim().chars().all(is_of_number)
}

/// Whether a name that means something is also what cells have: `Max` is a type and a person, `tel`
/// a heading and a choice, `@anna` a field and a nickname.
fn is_also_data(name: &str) -> bool {
    heading_type(name).is_some() || (name.trim().starts_with('@') && !name.contains('.'))
}

/// Tells what the first row is. `is_known` says of a name whether it means something.
///
/// A line of names that is taken for data is seen at once, as a row that is refused. A row that is
/// taken for names is lost, so that more is asked for it.
pub(super) fn first_line(
    first: &[String],
    rest: &[Vec<String>],
    is_known: &dyn Fn(&str) -> bool,
) -> (FirstLine, Confidence) {
    if first.iter().any(|cell| is_address(cell)) {
        return (FirstLine::Data, Confidence::Certain);
    }
    if first.iter().any(|cell| is_known(cell) && !is_also_data(cell)) {
        return (FirstLine::Names, Confidence::Certain);
    }
    let columns: Vec<(&str, Vec<&str>)> = first
        .iter()
        .enumerate()
        .filter(|(_, cell)| !cell.trim().is_empty())
        .map(|(column, cell)| (cell.as_str(), below(rest, column)))
        .collect();
    // A heading stands once; where others are below it, it is one of them, and the row is data.
    let known: Vec<_> = columns.iter().filter(|(name, _)| is_known(name)).collect();
    let are_values = known.iter().any(|(_, below)| below.iter().any(|cell| is_known(cell)));
    let headings = if are_values { 0 } else { known.len() };
    let are_over = |is_so| columns.iter().any(|(name, below)| names(name, below, is_so));
    if are_over(is_address) {
        let confidence = if headings > 0 { Confidence::Certain } else { Confidence::Likely };
        return (FirstLine::Names, confidence);
    }
    if headings >= 2 && headings == columns.len() {
        return (FirstLine::Names, Confidence::Certain);
    }
    if first.iter().any(|cell| is_number(cell)) {
        // Years are names too.
        return (FirstLine::Data, Confidence::Guess);
    }
    if are_over(is_number) {
        return (FirstLine::Names, Confidence::Likely);
    }
    match (headings, rest.is_empty()) {
        (0, _) => (FirstLine::Data, Confidence::Guess),
        (_, true) => (FirstLine::Names, Confidence::Likely),
        (_, false) => (FirstLine::Names, Confidence::Guess),
    }
}

/// The cells of a column that have something.
fn below(rest: &[Vec<String>], column: usize) -> Vec<&str> {
    let cells = rest.iter().filter_map(|row| row.get(column));
    cells.map(String::as_str).filter(|cell| !cell.trim().is_empty()).collect()
}

/// Whether a cell is the name of the values below it, and not itself one that is missing or wrong.
fn names(name: &str, below: &[&str], is_value: fn(&str) -> bool) -> bool {
    let is_none = name.contains('@') || is_number(name) || below.contains(&name);
    let values = below.iter().filter(|cell| is_value(cell)).count();
    !is_none && values * 2 > below.len()
}
