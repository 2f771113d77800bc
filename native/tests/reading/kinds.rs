//! Files of other kinds are refused by their names, with what to do about it.

use _native::reading::{inspect, sniff};
use _native::wire::v1::{ErrorReason, FileShape, ImportReading};

use crate::support::{file, inspected};

const TAR: &str = "rows.csv";

/// The first bytes of a file, its kind, and what the message has.
const KINDS: &[(&[u8], &str, &str)] = &[
    (b"BZh91AY&SY\x01\x02", "bzip2", "packed as bzip2, which is not unpacked here; pack it as"),
    (b"\xfd7zXZ\0\0\x04", "xz", "packed as xz, "),
    (b"7z\xbc\xaf\x27\x1c\0\x04", "7z", "packed as 7z, "),
    (b"Rar!\x1a\x07\x01\0", "rar", "packed as rar, "),
    (b"\x28\xb5\x2f\xfd\x04\x58", "zstd", "packed as zstd, "),
    (b"%PDF-1.7\n", "pdf", "is a PDF, which has no rows; send CSV"),
    (b"\x89PNG\r\n\x1a\n\0\0", "png", "is a picture (png), which"),
    (b"\xff\xd8\xff\xe0\0\x10JFIF", "jpeg", "is a picture (jpeg), which"),
    (b"GIF89a\x01\0", "gif", "is a picture (gif), which"),
    (b"GIF87a\x01\0", "gif", "is a picture (gif), which"),
    (b"<!DOCTYPE html>\n<title>Login</title>", "html", "an HTML page, perhaps of a login"),
    (b"<!doctype HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\">", "html", "an HTML page"),
    (b" \r\n\t<HTML lang=ru>", "html", "an HTML page"),
    (b"\xef\xbb\xbf\n<html>", "html", "an HTML page"),
    (b"\xff\xfe<\0h\0t\0m\0l\0>\0", "html", "an HTML page"),
    (b"\xfe\xff\0<\0h\0t\0m\0l\0>", "html", "an HTML page"),
];

#[track_caller]
fn check(content: &[u8], kind: &str, message: &str) {
    let file = file(content);
    assert_eq!(sniff(&file.path).expect("a kind"), kind);
    for shape in [FileShape::Unspecified, FileShape::Csv, FileShape::Json] {
        let mut reading = ImportReading::default();
        reading.set_shape(shape);
        let fault = inspect(&file.path, &reading, &[]).expect_err("a fault");
        assert_eq!(fault.reason, ErrorReason::ImportShapeUnknown);
        assert_eq!(fault.details["kind"], kind);
        assert!(fault.message.contains(message), "{}", fault.message);
    }
}

#[test]
fn other_kinds_are_named() {
    for (content, kind, message) in KINDS {
        check(content, kind, message);
    }
}

#[test]
fn folders_in_one_file_are_named() {
    for magic in ["ustar\0", "ustar  \0"] {
        let mut content = vec![0; 1_024];
        content[..TAR.len()].copy_from_slice(TAR.as_bytes());
        content[257..257 + magic.len()].copy_from_slice(magic.as_bytes());
        check(&content, "tar", "packed as tar, ");
    }
}

#[test]
fn text_that_begins_alike_is_text() {
    for first in ["BZhang", "7z", "Rar!", "%PDF", "GIF", "<htm", "<a>html", "html", "PK", "<p>"] {
        let inspection = inspected(&file(format!("{first},member.email\nx,a@example.com\n")));
        assert_eq!(inspection.problem, None, "{first}");
    }
    // What is HTML behind the beginning is a cell.
    assert_eq!(inspected(&file("member.email,page\na@a.ru,<html>\n")).problem, None);
    let mustard = format!("{}mustard", "x".repeat(256));
    assert_eq!(inspected(&file(format!("{mustard},member.email\n1,a@a.ru\n"))).problem, None);
}
