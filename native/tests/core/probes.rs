//! What an import would do to a file is told before it does.

use std::fmt::Write;
use std::path::Path;

use _native::core::Core;
use _native::fault::Result;
use _native::wire::internal::v1::{ProbeFileRequest, ProbeFileResponse};
use _native::wire::v1::{
    ImportColumn, ImportCounters, ImportOptions, OutcomeStatus, ProbeImportRequest,
    ProbeImportResponse,
};

use crate::job_runs::{File, asked, counters, imported, log_column};
use crate::jobs::{SERVICE, email_column};
use crate::support::{SPACE, SetUp, call, config, entries};

/// The columns of files of e-mails and numbers.
fn columns() -> Vec<ImportColumn> {
    vec![email_column(), log_column()]
}

fn probe(core: &Core, columns: Vec<ImportColumn>, path: &Path) -> Result<ProbeImportResponse> {
    let options = ImportOptions { space: Some(SPACE), columns, ..Default::default() };
    let request = ProbeImportRequest { options: Some(options), ..Default::default() };
    let request =
        ProbeFileRequest { request: Some(request), path: path.to_str().unwrap().to_owned() };
    let answer: ProbeFileResponse = call(core, &format!("{SERVICE}ProbeFile"), &request)?;
    Ok(answer.response.unwrap())
}

#[test]
fn a_probe_tells_what_would_become_of_the_first_rows() {
    let SetUp { core, engine, .. } = SetUp::new(&config());
    let known = File::new("email,log\nold@example.com,1\n");
    imported(&core, asked(), &known.path);
    let mut text = String::from("email,log\nold@example.com,2\nnew@example.com,3\n");
    text.push_str("new@example.com,4\nold@example.com,\nnobody,5\n");
    (0..20).for_each(|row| writeln!(text, "n{row}@example.com,1").unwrap());
    let file = File::new(&text);
    let before = entries(engine.as_ref());
    let probed = probe(&core, columns(), &file.path).unwrap();
    assert!(!probed.cannot_import && probed.rows.len() == 15);
    let seen: Vec<_> =
        probed.rows.iter().take(5).map(|it| (it.row, it.status(), it.contact_id)).collect();
    let expected = [
        (2, OutcomeStatus::Updated, 1),
        (3, OutcomeStatus::Created, 2),
        // It sees the row before it.
        (4, OutcomeStatus::Updated, 2),
        (5, OutcomeStatus::Unchanged, 1),
        (6, OutcomeStatus::Rejected, 0),
    ];
    assert_eq!(seen, expected);
    assert_eq!(
        probed.rows[4].fault.as_ref().unwrap().reason().as_str_name(),
        "ERROR_REASON_EMAIL_NO_AT"
    );
    assert_eq!(probed.rows[4].cells, ["nobody", "5"]);
    assert_eq!(probed.file_bytes, text.len() as u64);
    assert_eq!((probed.columns.len(), probed.rows_estimate), (2, 25));
    let refused = probe(&core, vec![log_column()], &file.path).unwrap();
    assert!(refused.cannot_import && refused.rows.len() == 15);
    assert_eq!(refused.warnings[0].reason().as_str_name(), "ERROR_REASON_FIELD_REQUIRED");
    assert_eq!(entries(engine.as_ref()), before);
}

/// Of a file of few rows everything is known.
#[test]
fn a_small_file_has_an_exact_estimate() {
    let SetUp { core, .. } = SetUp::new(&config());
    imported(&core, asked(), &File::new("email,log\nn3@example.com,3\nn5@example.com,1\n").path);
    let file = File::of_batches(1);
    let text = std::fs::read_to_string(&file.path).unwrap();
    let file = File::new(&text.replacen("n2@example.com,2\n", "\"n2\"@example.com,2\n", 1));
    let probed = probe(&core, columns(), &file.path).unwrap();
    assert!(probed.estimate_exact);
    assert_eq!((probed.rows_estimate, probed.estimate_rows), (2_000, 1_999));
    let done = counters(&imported(&core, asked(), &file.path));
    assert!(done.updated > 0 && done.rejected > 1, "{done:?}");
    assert!(done.repeated > 0);
    assert_eq!(probed.estimate, Some(ImportCounters { repeated: 0, ..done }));
}

/// Every tenth row is refused. Who comes twice may be picked once.
#[test]
fn a_large_file_is_estimated_from_all_of_it() {
    let SetUp { core, .. } = SetUp::new(&config());
    let file = File::of_batches(10);
    let probed = probe(&core, columns(), &file.path).unwrap();
    assert!(!probed.estimate_exact);
    assert!((900..=2_000).contains(&probed.estimate_rows), "{}", probed.estimate_rows);
    assert_eq!(probed.rows_estimate, 20_000);
    let estimate = probed.estimate.clone().unwrap();
    assert_eq!(estimate.read, 20_000);
    let ImportCounters { created, updated, unchanged, ignored, rejected, .. } = estimate;
    assert_eq!(created + updated + unchanged + ignored + rejected, 20_000);
    assert!((1_400..=2_600).contains(&rejected), "{rejected}");
    assert_eq!(probe(&core, columns(), &file.path).unwrap(), probed);
}

/// A few rows of a megabyte are as much as many small ones.
#[test]
fn what_is_picked_has_bounded_bytes() {
    let SetUp { core, .. } = SetUp::new(&config());
    let mut text = String::from("email,log\n");
    let long = "1".repeat(1_000_000);
    (0..40).for_each(|row| writeln!(text, "n{row}@example.com,\"\"\"{long}\"\"\"").unwrap());
    let probed = probe(&core, columns(), &File::new(&text).path).unwrap();
    assert_eq!(probed.rows_estimate, 40);
    assert!((2..=16).contains(&probed.estimate_rows), "{}", probed.estimate_rows);
    assert_eq!(probed.estimate.unwrap().created, 40);
}

#[test]
fn a_file_that_cannot_be_imported_has_no_estimate() {
    let SetUp { core, .. } = SetUp::new(&config());
    let probed = probe(&core, vec![log_column()], &File::of_batches(1).path).unwrap();
    assert!(probed.cannot_import);
    assert_eq!((probed.estimate, probed.estimate_rows), (None, 0));
}
