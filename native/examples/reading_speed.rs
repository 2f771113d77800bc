//! How fast files are read: a million rows in cp1251, or the file that is named.
//!
//!     cargo run --release --example reading_speed [FILE]

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use _native::reading::{inspect, open};
use _native::wire::v1::ImportReading;

const ROWS: usize = 1_000_000;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = folder.path().join("rows.csv");
    if let Some(path) = std::env::args().nth(1) {
        report(Path::new(&path));
    } else {
        write(&own);
        report(&own);
    }
}

fn write(path: &Path) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a file"));
    let mut line = |text: String| {
        let bytes = encoding_rs::WINDOWS_1251.encode(&text).0;
        file.write_all(&bytes).expect("written");
    };
    line("member.email;base.firstName;base.lastName;base.city;visits;\"note\"\r\n".to_owned());
    for row in 0..ROWS {
        line(format!(
            "user{row}@example.com;Наталья;Константинопольская;Санкт-Петербург;{row};\
             \"ООО \"\"Р\"\"\"\r\n"
        ));
    }
}

fn report(path: &Path) {
    let started = Instant::now();
    let inspection = inspect(path, &ImportReading::default(), &[]).expect("an inspection");
    println!("inspected in {:?}: {:?}", started.elapsed(), inspection.layout.reading);
    let started = Instant::now();
    let mut reader = open(path, &inspection.layout).expect("an open file");
    let (mut rows, mut cells) = (0_u32, 0_u32);
    while let Some(batch) = reader.next_batch(5_000, 1 << 20).expect("a batch") {
        rows += u32::try_from(batch.rows.len()).expect("few rows");
        let count: usize = batch.rows.iter().map(|row| row.cells.len()).sum();
        cells += u32::try_from(count).expect("few cells");
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{rows} rows, {cells} cells, {} MB in {seconds:.3} s: {:.1} million cells/s",
        inspection.file_bytes / 1_000_000,
        f64::from(cells) / seconds / 1e6,
    );
}
