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

/// Tells what the first row is. `is_known` says of a name whether it means something.
pub(super) fn first_line(
    first: &[String],
    rest: &[Vec<String>],
    is_known: &dyn Fn(&str) -> bool,
) -> (FirstLine, Confidence) {
    if first.iter().any(|cell| is_address(cell)) {
        return (FirstLine::Data, Confidence::Certain);
    }
    if first.iter().any(|cell| is_known(cell)) {
        return (FirstLine::Names, Confidence::Certain);
    }
    if first.iter().any(|cell| is_number(cell)) {
        return (FirstLine::Data, Confidence::Likely);
    }
    let is_value = |cell: &String| is_address(cell) || is_number(cell);
    let has_values = |column: usize| {
        let cells = rest.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty());
        let (values, others): (Vec<_>, Vec<_>) = cells.partition(|cell| is_value(cell));
        values.len() > others.len()
    };
    if (0..first.len()).any(has_values) {
        return (FirstLine::Names, Confidence::Likely);
    }
    // Nothing tells; a line of names that is taken for a row is seen at once in the report.
    (FirstLine::Data, Confidence::Guess)
}
