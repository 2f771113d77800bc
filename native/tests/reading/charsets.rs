//! Charsets are told from the file, and decoded exactly.

use _native::reading::{inspect, open};
use _native::wire::v1::{Charset, Confidence, ErrorReason, ImportReading, Separator, Warning};
use encoding_rs::{KOI8_R, WINDOWS_1251, X_MAC_CYRILLIC};

use crate::support::{csv, file, inspected, read};

/// Text as lists of subscribers have it; the last ones are as short as files ever are.
const RUSSIAN: &[&str] = &[
    "member.email;Имя;Город\nivanov@example.com;Иван Иванов;Москва\n",
    "member.email,base.firstName,base.lastName\na@example.com,Анна,Кузнецова\n",
    "Фамилия;Имя;Отчество;Телефон\nСмирнова;Ольга;Сергеевна;+79161234567\n",
    "a@example.com;ООО «Ромашка»;г. Санкт-Петербург, ул. Ленина, д. 5\n",
    "b@example.com;ИП Петров А.В.;Екатеринбург\n",
    "c@example.com;ЖИЛИЩНОЕ УПРАВЛЕНИЕ;НИЖНИЙ НОВГОРОД\n",
    "d@example.com;подписка на рассылку новостей;да\n",
    "e@example.com|Юлия|Щербакова|женский\n",
    "f@example.com;Здравствуйте! Ваш заказ № 15 отправлен.\n",
    "g@example.com;мужской;1985-02-03;Ростов-на-Дону\n",
    "h@example.com;Фёдор Достоевский;Объём продаж вырос\n",
    "i@example.com;Эльвира;Уфа\n",
    "j@example.com;Иван\n",
    "k@example.com;Ольга\n",
    "l@example.com;Москва\n",
    "m@example.com;да\nn@example.com;нет\n",
    "ОТЧЕСТВО;ИМЯ\nПЕТРОВИЧ;ПЁТР\n",
    "o@example.com;Наталья;менеджер по продажам\n",
];
const UKRAINIAN: &[&str] = &[
    "member.email;Ім'я;Місто\nivanenko@example.com;Олена Іваненко;Київ\n",
    "a@example.com;Тарас Шевченко;Львів, вул. Франка, 7\n",
    "b@example.com;ТОВ «Світанок»;Харків\n",
    "c@example.com;підписка на новини;так\n",
    "d@example.com;Євген;Чернівці\n",
    "e@example.com;ПРІЗВИЩЕ ТА ІМ'Я\n",
    "f@example.com;Ґанна;Запоріжжя\n",
    "g@example.com;Наталія Їжакевич\n",
    "h@example.com;Дякуємо за замовлення, чекаємо на вас знову!\n",
    "i@example.com;Олексій\n",
];

pub const CHARSETS: [Charset; 6] = [
    Charset::Utf8,
    Charset::Cp1251,
    Charset::Koi8R,
    Charset::MacCyrillic,
    Charset::Utf16,
    Charset::Utf7,
];

/// The bytes of a text; none where the charset lacks a character.
pub fn encoded(charset: Charset, text: &str) -> Option<Vec<u8>> {
    let encoding = match charset {
        Charset::Cp1251 => WINDOWS_1251,
        Charset::Koi8R => KOI8_R,
        Charset::MacCyrillic => X_MAC_CYRILLIC,
        Charset::Utf16 => return Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        Charset::Utf7 => return Some(utf7(text)),
        Charset::Utf8 | Charset::Unspecified => return Some(text.as_bytes().to_vec()),
    };
    let (bytes, _, is_lossy) = encoding.encode(text);
    (!is_lossy).then(|| bytes.into_owned())
}

fn utf7(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let mut shifted = String::new();
    let flush = |shifted: &mut String, bytes: &mut Vec<u8>| {
        if shifted.is_empty() {
            return;
        }
        let units =
            shifted.encode_utf16().flat_map(|unit| (0..16).rev().map(move |bit| unit >> bit & 1));
        let mut bits: Vec<u16> = units.collect();
        bits.resize(bits.len().div_ceil(6) * 6, 0);
        bytes.push(b'+');
        for digit in bits.chunks(6) {
            bytes.push(DIGITS[usize::from(digit.iter().fold(0, |digit, bit| digit << 1 | bit))]);
        }
        bytes.push(b'-');
        shifted.clear();
    };
    for character in text.chars() {
        if character.is_ascii() {
            flush(&mut shifted, &mut bytes);
            bytes.push(character as u8);
            if character == '+' {
                bytes.push(b'-');
            }
        } else {
            shifted.push(character);
        }
    }
    flush(&mut shifted, &mut bytes);
    bytes
}

/// Which charset a file has, and how sure that is.
pub fn detected(content: &[u8]) -> (Charset, Confidence) {
    let layout = inspected(&file(content)).layout;
    (layout.reading.as_ref().expect("a reading").charset(), layout.charset_confidence())
}

/// How many of the texts are told, and the ones that are not.
fn told(charset: Charset, texts: &[&str]) -> (usize, usize, Vec<String>) {
    let (mut hits, mut all, mut misses) = (0, 0, Vec::new());
    for text in texts {
        let Some(bytes) = encoded(charset, text) else { continue };
        all += 1;
        let (told, confidence) = detected(&bytes);
        // What reads the same in two charsets is told as the more frequent one.
        let is_same = encoded(told, text).as_deref() == Some(&bytes);
        if told == charset || is_same {
            hits += 1;
        } else {
            misses.push(format!("{charset:?} as {told:?} {confidence:?}: {text}"));
        }
    }
    (hits, all, misses)
}

#[test]
fn charsets_are_told() {
    let (mut hits, mut all) = (0, 0);
    for charset in CHARSETS {
        for texts in [RUSSIAN, UKRAINIAN] {
            let (hit, of, misses) = told(charset, texts);
            println!("{charset:?}: {hit} of {of}");
            assert!(misses.is_empty(), "{misses:#?}");
            (hits, all) = (hits + hit, all + of);
        }
    }
    assert_eq!(hits, all);
    assert!(all > 120, "{all}");
}

/// One word is the least that a file can have, and hardly enough.
const WORDS: &str = "яблоко Тюмень скидка Постоянный клиент щётка Ёлка юрист объект вьюга эхо Жук \
    ЦЕХ шея уют Кострома бухгалтер ОПЛАТА доставка самовывоз подарок Хабаровск нет да акция Омск \
    лес здоров'я Знижка подарунок вулиця Єдність їжак ґанок ЗНИЖКА постійний клієнт щастя Полтава";

#[test]
fn one_word_is_mostly_enough() {
    let lines: Vec<String> =
        WORDS.split_whitespace().map(|word| format!("a@example.com;{word}\n")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (mut hits, mut all) = (0, 0);
    for charset in CHARSETS {
        let (hit, of, misses) = told(charset, &lines);
        println!("{charset:?}: {hit} of {of}: {misses:?}");
        // What is told wrongly is told as a guess.
        assert!(misses.iter().all(|miss| miss.contains(" Guess:")), "{misses:?}");
        (hits, all) = (hits + hit, all + of);
    }
    println!("{hits} of {all}");
    assert!(all > 200 && hits * 100 >= all * 95, "{hits} of {all}");
}

#[test]
fn the_whole_file_is_looked_at() {
    let ascii = "a@example.com;Ann;Paris\n".repeat(20_000);
    assert!(ascii.len() > 400 << 10);
    for charset in CHARSETS.into_iter().filter(|charset| *charset != Charset::Utf16) {
        let text = format!("{ascii}b@example.com;Ольга Смирнова;Москва\n{ascii}");
        assert_eq!(detected(&encoded(charset, &text).expect("bytes")).0, charset);
    }
    assert_eq!(detected(ascii.as_bytes()), (Charset::Utf8, Confidence::Certain));
}

#[test]
fn signs_at_the_beginning_are_certain_and_no_text() {
    let text = "member.email\nпочта@example.com\n";
    let utf16 = |to_bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        format!("\u{feff}{text}").encode_utf16().flat_map(to_bytes).collect()
    };
    for (bytes, charset) in [
        (format!("\u{feff}{text}").into_bytes(), Charset::Utf8),
        (utf16(u16::to_le_bytes), Charset::Utf16),
        (utf16(u16::to_be_bytes), Charset::Utf16),
    ] {
        assert_eq!(detected(&bytes), (charset, Confidence::Certain));
        let inspection = inspected(&file(&bytes));
        assert_eq!(inspection.layout.columns[0].name, "member.email");
        assert_eq!(inspection.rows[0].cells, ["почта@example.com"]);
    }
    let without: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(detected(&without), (Charset::Utf16, Confidence::Likely));
    assert_eq!(inspected(&file(&without)).rows[0].cells, ["почта@example.com"]);
}

#[test]
fn phones_are_no_utf7() {
    let phones = "member.cellphone\n+79161234567\n+380501234567\n+4930123456\n+12025550123\n";
    assert_eq!(detected(phones.as_bytes()), (Charset::Utf8, Confidence::Certain));
}

#[test]
fn a_guess_is_told() {
    // One letter is nothing to go by.
    let inspection = inspected(&file(b"a@example.com;\xc1\n"));
    assert_eq!(inspection.layout.charset_confidence(), Confidence::Guess);
    let warning = inspection.warnings.iter().find(|warning| {
        warning.reason() == ErrorReason::ImportGuessed && warning.details["field"] == "charset"
    });
    assert!(warning.is_some(), "{:?}", inspection.warnings);
}

#[test]
fn every_character_of_a_charset_is_read() {
    for charset in [Charset::Cp1251, Charset::Koi8R, Charset::MacCyrillic] {
        let bytes: Vec<u8> = (0x80..=0xff).filter(|byte| *byte != 0x98).collect();
        let encoding = match charset {
            Charset::Cp1251 => WINDOWS_1251,
            Charset::Koi8R => KOI8_R,
            _ => X_MAC_CYRILLIC,
        };
        let expected = encoding.decode_without_bom_handling(&bytes).0.into_owned();
        let rows = read(&file(&bytes), &csv(charset, Separator::Comma));
        assert_eq!(rows.rows, [(1, vec![expected])]);
    }
}

#[track_caller]
fn check_misfit(charset: Charset, content: &[u8], column: &str) {
    let content = [b"a\nx,".as_slice(), content, b"\nb\n"].concat();
    let content = if charset == Charset::Utf16 {
        // Every byte becomes a unit; a lone surrogate is what UTF-16 does not have.
        let unit = |byte: &u8| if *byte == 0xff { 0xd800 } else { u16::from(*byte) };
        content.iter().map(unit).flat_map(u16::to_le_bytes).collect()
    } else {
        content
    };
    let rows = read(&file(&content), &csv(charset, Separator::Comma));
    assert_eq!(rows.rows.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 3]);
    let [problem] = rows.problems.as_slice() else { panic!("{:?}", rows.problems) };
    assert_eq!(problem.fault.reason, ErrorReason::ImportCharsetMisfit);
    assert_eq!(problem.fault.details["row"], "2");
    assert_eq!(problem.fault.details["column"], column);
}

#[test]
fn what_a_charset_does_not_have_is_a_problem_of_its_row() {
    check_misfit(Charset::Utf8, b"y\xff", "1");
    check_misfit(Charset::Utf8, b"y\xd0", "1");
    check_misfit(Charset::Utf8, b"y,\xe0\x80\x80", "2");
    check_misfit(Charset::Utf8, b"\xed\xa0\x80", "1");
    check_misfit(Charset::Cp1251, b"y\x98", "1");
    check_misfit(Charset::Utf16, b"y\xff", "1");
    check_misfit(Charset::Utf7, b"y,+BB-", "2");
    check_misfit(Charset::Utf7, b"y,+2AA-", "2");
    check_misfit(Charset::Utf7, b"y,\xd0\xd1", "2");
}

#[test]
fn text_of_two_charsets_is_read_as_what_most_of_it_is() {
    let line = "a@example.com,Наталья Щукина\n";
    let mut content = line.repeat(20).into_bytes();
    content.extend(encoded(Charset::Cp1251, line).expect("bytes"));
    content.extend(line.bytes());
    let file = file(&content);
    let inspection = inspected(&file);
    assert_eq!(inspection.layout.charset_confidence(), Confidence::Likely);
    let is_misfit = |reason| reason == ErrorReason::ImportCharsetMisfit;
    assert!(inspection.warnings.iter().any(|warning| is_misfit(warning.reason())));
    let rows = read(&file, &inspection.layout);
    assert_eq!(rows.rows.len(), 21);
    assert_eq!(rows.problems.iter().map(|problem| problem.number).collect::<Vec<_>>(), [21]);
}

#[test]
fn what_is_said_goes_before_what_is_seen() {
    let content = encoded(Charset::Cp1251, "a@example.com;Москва\n").expect("bytes");
    let file = file(content);
    let mut reading = ImportReading::default();
    reading.set_charset(Charset::Koi8R);
    let inspection = inspect(&file.path, &reading, &[]).expect("an inspection");
    assert_eq!(inspection.layout.charset_confidence(), Confidence::Unspecified);
    assert_eq!(inspection.rows[0].cells[1], "лНЯЙБЮ");
    assert!(open(&file.path, &inspection.layout).is_ok());
}

#[test]
fn a_file_that_cannot_be_read_in_its_charset_says_so() {
    let (cp1251, ..) = WINDOWS_1251.encode("member.email;имя\nанна@пример.рф;Анна\n");
    let mut reading = ImportReading::default();
    reading.set_charset(Charset::Utf8);
    let file = file(&cp1251);
    let inspection = inspect(&file.path, &reading, &[]).expect("an inspection");
    assert_eq!(inspection.problem.expect("a problem").reason, ErrorReason::ImportCharsetMisfit);
    let reasons: Vec<_> = inspection.warnings.iter().map(Warning::reason).collect();
    assert!(reasons.contains(&ErrorReason::ImportCharsetMisfit), "{reasons:?}");
    assert!(!reasons.contains(&ErrorReason::ImportKeyColumnMissing), "{reasons:?}");
}
