//! Columns with next to no text, as files of people have them: wrong is a guess, never more.

use _native::wire::v1::{Charset, Confidence};

use crate::charsets::{detected, encoded};

/// Cells of columns, a line for each column.
const COLUMNS: &[&str] = &[
    "12 кг|5 шт.|3 л|250 мл|7 см|2 уп.|100 г|1,5 т|20 мм|15 км",
    "300 руб.|8 р.|150 грн|20 коп.|3 тыс. руб.|45 лв.|2 млн|99 рублей|5 у.е.|40 долл.",
    "Уфа|Москва|Омск|Казань|Пермь|Тула|Сочи|Чита|Орёл|Ухта|Ялта|Елец",
    "МСК|СПБ|ЕКБ|НСК|РНД|КРД|ЧЛБ|НН|МО|ХМАО|МСК/СПБ/ЕКБ",
    "Київ|Львів|Одеса|Харків|Дніпро|Суми|Рівне|Луцьк|Чернівці",
    "София|Пловдив|Варна|Бургас|Русе|Търново|Плевен|Ямбол|Шумен",
    "Иван|Ольга|Анна|Юлия|Пётр|Фёдор|Лев|Яна|Эмма|Зоя",
    "ИВАН|ОЛЬГА|АННА|ЮЛИЯ|ПЁТР|ИВАНОВ|ПЕТРОВА|СМИРНОВ|ЛЕВ",
    "Иванов И.И.|Петрова А. С.|Ким О.|Цой В.Р.|Ли Э.",
    "ул. Ленина, 5|пр. Мира, 12|пер. Южный, 3|ш. Энтузиастов|пл. Труда|б-р Роз|д. 5, кв. 7",
    "вул. Франка, 7|бул. Витоша 5|гр. София|м. Київ|просп. Перемоги|ж.к. Люлин",
    "да|нет|активен|отписан|новый|оплачен|отменён|VIP-клиент|в пути|Не указано",
    "так|ні|НІ|не|мъж|жена|чоловік|жінка|знижка|Ім'я|бърз|ЕГН",
    "м|ж|муж.|жен.|М|Ж|чол|Да|Нет",
    "ООО «Ромашка»|ИП Ким|ЗАО «Юг»|ОАО «РЖД»|ТОВ «Світ»|ФГУП|ЕООД|ЧП Ярош",
    "№ 5|№15 от 3.02|«Да»|— нет —|Ёлка|ЁЖ|Щётка – 3 шт.|заказ № 7|её|10–12 лет",
    "РФ|НДС|ИНН|КПП|ОГРН|СНИЛС|ФИО|т.д.|тел.|руб/шт|б/у|н/д|ТЦ «Мега»",
    "А1|Б2|В-12|Ж/Д|А-123|Ю-9|Х200|ПВХ-50",
    "пн|вт|ср|чт|пт|сб|вс|янв|фев|мар|апр|авг|сен|окт|дек",
    "S/М|р-р 42|42-й|43-я|цв. бел.|чёрн.|син.|зел.|жёлт.",
];

const CHARSETS: [Charset; 3] = [Charset::Cp1251, Charset::Koi8R, Charset::MacCyrillic];

/// Rows of a file of which one column has text.
const ROWS: usize = 200;

/// Cells of a column that has some values in turn.
const MIXED: usize = 6;

fn rows(cells: &[&str], count: usize) -> String {
    let lines: Vec<String> = (0..count)
        .map(|row| format!("a{row}@example.com;{}\n", cells[row % cells.len()]))
        .collect();
    lines.concat()
}

/// Files of what a column has: each cell once, each in every row, and several in turn.
fn files(column: &str) -> Vec<String> {
    let cells: Vec<&str> = column.split('|').collect();
    let same = cells.iter().flat_map(|cell| [rows(&[cell], 1), rows(&[cell], ROWS)]);
    same.chain(cells.chunks(MIXED).map(|cells| rows(cells, ROWS))).collect()
}

/// How many files are told right, and of how many; none may be wrong and more than a guess.
fn told(charset: Charset, texts: impl IntoIterator<Item = String>) -> (usize, usize) {
    let (mut right, mut all) = (0, 0);
    let mut wrong = Vec::new();
    for text in texts {
        let Some(bytes) = encoded(charset, &text) else { continue };
        let (told, confidence) = detected(&bytes);
        let is_right = encoded(told, &text).as_deref() == Some(&bytes);
        if !is_right && confidence != Confidence::Guess {
            let head: String = text.lines().take(MIXED).collect();
            wrong.push(format!("{charset:?} as {told:?} {confidence:?}: {head}"));
        }
        (right, all) = (right + usize::from(is_right), all + 1);
    }
    assert!(wrong.is_empty(), "{} of {all}: {wrong:#?}", wrong.len());
    (right, all)
}

#[test]
fn short_texts_are_never_wrong_and_likely() {
    let cells: usize = COLUMNS.iter().map(|column| column.split('|').count()).sum();
    assert!(cells >= 60, "{cells}");
    // The share that is right, in percent. Where nothing tells, it is cp1251: `12 ЙЦ` is as good a
    // text as `12 кг`, and koi8-r is rare.
    for (charset, floor) in CHARSETS.into_iter().zip([95, 64, 92]) {
        let (right, all) = told(charset, COLUMNS.iter().flat_map(|column| files(column)));
        println!("{charset:?}: {right} of {all}");
        assert!(right * 100 >= all * floor, "{charset:?}: {right} of {all}");
    }
}

#[test]
fn short_texts_are_cp1251_where_it_makes_words() {
    for text in ["300 руб.", "12 кг", "Уфа", "8 р.", "МСК", "СПБ", "ИНН", "да", "Нет", "«Да»"]
    {
        let bytes = encoded(Charset::Cp1251, &rows(&[text], ROWS)).expect("bytes");
        assert_eq!(detected(&bytes), (Charset::Cp1251, Confidence::Guess), "{text}");
    }
}

#[test]
fn some_different_words_are_likely() {
    for column in [
        "Александр|Екатерина|Дмитрий|Наталья|Владимир|Светлана",
        "НИЖНИЙ НОВГОРОД|СМОЛЕНСК|КРАСНОДАР|ВОРОНЕЖ|СТАВРОПОЛЬ",
        "оплачен полностью|ожидает отправки|доставлен курьером",
        "ул. Профсоюзная, 12|Ленинский проспект, 3|Большая Садовая, 5",
    ] {
        let cells: Vec<&str> = column.split('|').collect();
        for charset in CHARSETS {
            let text = rows(&cells, ROWS);
            let (told, confidence) = detected(&encoded(charset, &text).expect("bytes"));
            // Small letters but я are the same in cp1251 and mac-cyrillic.
            assert_eq!(encoded(told, &text), encoded(charset, &text), "{charset:?}: {column}");
            assert_eq!(confidence, Confidence::Likely, "{charset:?}: {column}");
        }
    }
}

#[test]
fn letters_at_random_are_no_evidence() {
    let letters: Vec<char> = "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЭЮЯ".chars().collect();
    let mut state = 7_usize;
    let mut letter = || {
        // The generator of POSIX, whose high bits are good enough.
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
        letters[(state >> 8) % letters.len()]
    };
    for (length, words) in [(2, 100), (3, 5), (3, 30), (6, 3), (6, 30)].repeat(8) {
        let codes: Vec<String> =
            (0..words).map(|_| (0..length).map(|_| letter()).collect()).collect();
        let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        let small = codes.iter().map(|code| code.to_lowercase()).collect::<Vec<_>>().join("|");
        let small: Vec<&str> = small.split('|').collect();
        for charset in CHARSETS {
            let (_, all) = told(charset, [rows(&codes, ROWS), rows(&small, ROWS)]);
            assert_eq!(all, 2);
        }
    }
}

#[test]
fn letters_of_other_alphabets_are_no_evidence() {
    let german = "Müller|Schröder|Jürgens|Weiß|Köhler|Groß|Bäcker|Küster|Häußler";
    let cells: Vec<&str> = german.split('|').collect();
    let text = rows(&cells, ROWS);
    let (latin, ..) = encoding_rs::WINDOWS_1252.encode(&text);
    assert_eq!(detected(&latin).1, Confidence::Guess);
    let dos = rows(&["Смирнова Ольга", "Кузнецов Иван", "Нижний Новгород"], ROWS);
    let (dos, ..) = encoding_rs::IBM866.encode(&dos);
    assert_eq!(detected(&dos).1, Confidence::Guess);
}
