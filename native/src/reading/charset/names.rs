//! The charsets of files: their names.

use crate::wire::v1::Charset;

/// The name that seed 002 gives a charset.
pub fn charset_name(charset: Charset) -> &'static str {
    match charset {
        Charset::Unspecified => "unspecified",
        Charset::Utf8 => "utf-8",
        Charset::Cp1251 => "cp1251",
        Charset::Koi8R => "koi8-r",
        Charset::MacCyrillic => "mac-cyrillic",
        Charset::Utf16 => "utf-16",
        Charset::Utf7 => "utf-7",
    }
}
