//! The border to Python: the one file that knows PyO3. `server/zmey/_native.pyi` is its mirror.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::config::{CoreConfig, FieldConfig, SpaceConfig};
use crate::fault::{self, Fault, Result};
use crate::store::dump::Progress;
use crate::wire::{encode, v1};
use crate::write::queue::shutting_down;
use crate::{core, import, json, reading, service, tools};

/// Larger requests are borrowed from Python instead of copied; for smaller ones copying is
/// cheaper than the bookkeeping.
const BORROW_BYTES_MIN: usize = 4_096;

pyo3::create_exception!(zmey._native, CoreError, PyException, "A call that failed.");

/// The twin of the Python dataclass `CoreConfig`.
#[derive(FromPyObject)]
struct PyCoreConfig {
    store_path: Option<String>,
    map_bytes_initial: u64,
    map_bytes_max: u64,
    readers_max: u32,
    commit_rows_max: usize,
    commit_bytes_max: usize,
    import_window_bytes: usize,
    spaces: Vec<PySpaceConfig>,
}

/// The twin of the Python dataclass `SpaceConfig`.
#[derive(FromPyObject)]
#[expect(clippy::struct_excessive_bools, reason = "they are options of a space, one by one")]
struct PySpaceConfig {
    account_id: u32,
    db_id: u32,
    default_region: Option<String>,
    phone_rule: String,
    email_national_domains: bool,
    email_national_local_parts: bool,
    blocked: HashMap<String, Vec<String>>,
    time_zone: String,
    fields: Vec<PyFieldConfig>,
    email_substitutes: bool,
    heads_per_member_max: u32,
    heads_per_type_max: HashMap<String, u32>,
    merge_heads_max: u32,
    merge_bytes_max: u32,
    retention_days: u32,
    versioning: bool,
    confirm_free_per_month_max: u32,
    members_max: u32,
}

/// The twin of the Python dataclass `FieldConfig`.
#[derive(FromPyObject)]
struct PyFieldConfig {
    path: String,
    kind: String,
    unique: bool,
}

impl From<PyCoreConfig> for CoreConfig {
    fn from(config: PyCoreConfig) -> Self {
        Self {
            store_path: config.store_path,
            map_bytes_initial: config.map_bytes_initial,
            map_bytes_max: config.map_bytes_max,
            readers_max: config.readers_max,
            commit_rows_max: config.commit_rows_max,
            commit_bytes_max: config.commit_bytes_max,
            import_window_bytes: config.import_window_bytes,
            spaces: config.spaces.into_iter().map(SpaceConfig::from).collect(),
        }
    }
}

impl From<PySpaceConfig> for SpaceConfig {
    fn from(space: PySpaceConfig) -> Self {
        let field = |field: PyFieldConfig| FieldConfig {
            path: field.path,
            kind: field.kind,
            unique: field.unique,
        };
        Self {
            account_id: space.account_id,
            db_id: space.db_id,
            default_region: space.default_region.unwrap_or_default(),
            phone_rule: space.phone_rule,
            email_national_domains: space.email_national_domains,
            email_national_local_parts: space.email_national_local_parts,
            blocked: space.blocked.into_iter().collect(),
            time_zone: space.time_zone,
            fields: space.fields.into_iter().map(field).collect(),
            email_substitutes: space.email_substitutes,
            heads_per_member_max: space.heads_per_member_max,
            heads_per_type_max: space.heads_per_type_max.into_iter().collect(),
            merge_heads_max: space.merge_heads_max,
            merge_bytes_max: space.merge_bytes_max,
            retention_days: space.retention_days,
            versioning: space.versioning,
            confirm_free_per_month_max: space.confirm_free_per_month_max,
            members_max: space.members_max,
        }
    }
}

/// Runs core work without the GIL; a fault becomes a `CoreError`, a panic an internal fault.
fn without_gil<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    let outcome = py.detach(|| {
        catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|_| Err(Fault::internal("the core panicked; see standard error")))
    });
    outcome.map_err(|fault| core_error(py, &fault))
}

fn core_error(py: Python<'_>, fault: &Fault) -> PyErr {
    let error = CoreError::new_err(fault.message.clone());
    let value = error.value(py);
    let filled = value
        .setattr("code", fault.code() as i32)
        .and_then(|()| value.setattr("message", &fault.message))
        .and_then(|()| value.setattr("status", PyBytes::new(py, &fault.status())))
        .and_then(|()| value.setattr("cause", &fault.cause));
    filled.err().unwrap_or(error)
}

fn request_bytes(request: PyBackedBytes) -> Bytes {
    if request.len() < BORROW_BYTES_MIN {
        Bytes::copy_from_slice(&request)
    } else {
        Bytes::from_owner(request)
    }
}

/// The process that opened something: threads and locks of the core do not survive a fork.
#[derive(Clone, Copy)]
struct Process(u32);

impl Process {
    fn current() -> Self {
        Self(std::process::id())
    }

    /// Refuses use after a fork.
    fn check(self) -> Result<()> {
        if self.0 == std::process::id() {
            return Ok(());
        }
        Err(Fault::internal("the core was opened by another process; do not fork"))
    }
}

/// An open store with everything that works on it.
#[pyclass(frozen, module = "zmey._native")]
struct Core {
    core: Mutex<Option<Arc<core::Core>>>,
    process: Process,
}

impl Core {
    /// The core, unless it is closed or belongs to another process.
    fn open(&self) -> Result<Arc<core::Core>> {
        self.process.check()?;
        self.slot().clone().ok_or_else(shutting_down)
    }

    fn slot(&self) -> MutexGuard<'_, Option<Arc<core::Core>>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if self.process.check().is_err() {
            // Closing would wait for threads that this process does not have.
            std::mem::forget(self.slot().take());
        }
    }
}

#[pymethods]
impl Core {
    #[new]
    fn new(py: Python<'_>, config: PyCoreConfig) -> PyResult<Self> {
        let config = CoreConfig::from(config);
        let opened = without_gil(py, || core::Core::open(&config, Arc::new(Timestamp::now)))?;
        Ok(Self { core: Mutex::new(Some(Arc::new(opened))), process: Process::current() })
    }

    #[expect(clippy::unused_self, reason = "the list belongs to the object for its callers")]
    fn methods(&self) -> Vec<&'static str> {
        service::METHODS.iter().map(|(name, _)| *name).collect()
    }

    #[pyo3(signature = (method, request, deadline_seconds=None))]
    fn call<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        request: PyBackedBytes,
        deadline_seconds: Option<f64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let time_left = deadline_seconds.map(time_left);
        let request = request_bytes(request);
        let answer = without_gil(py, || self.open()?.call(method, request, time_left))?;
        Ok(PyBytes::new(py, &answer))
    }

    fn open_import(&self, py: Python<'_>, request: PyBackedBytes) -> PyResult<ImportStream> {
        let request = request_bytes(request);
        let stream = without_gil(py, || self.open()?.open_import(request))?;
        Ok(ImportStream { stream, process: Process::current() })
    }

    fn metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let metrics = without_gil(py, || Ok(self.open()?.list_metrics()))?;
        let answer = PyDict::new(py);
        for (name, value) in metrics {
            answer.set_item(name, value)?;
        }
        Ok(answer)
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        without_gil(py, || {
            self.process.check()?;
            let core = self.slot().take();
            if let Some(core) = core {
                core.close();
            }
            Ok(())
        })
    }
}

/// A deadline that has passed leaves no time; one that is far away is none.
fn time_left(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

/// One running StreamImport.
#[pyclass(frozen, module = "zmey._native")]
struct ImportStream {
    stream: import::ImportStream,
    process: Process,
}

#[pymethods]
impl ImportStream {
    #[getter]
    fn opened<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.stream.opened())
    }

    fn submit(&self, py: Python<'_>, request: PyBackedBytes) -> PyResult<()> {
        let request = request_bytes(request);
        without_gil(py, || {
            self.process.check()?;
            self.stream.submit(request)
        })
    }

    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        without_gil(py, || {
            self.stream.finish();
            Ok(())
        })
    }

    fn receipt<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let receipt = without_gil(py, || {
            self.process.check()?;
            self.stream.receipt()
        })?;
        Ok(receipt.map(|receipt| PyBytes::new(py, &receipt)))
    }

    fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        without_gil(py, || {
            self.stream.cancel();
            Ok(())
        })
    }
}

/// Runs a tool that tells Python how far it is. The first exception of the callback is raised
/// when the tool has ended, so that it never stops half-way.
fn with_progress<T: Send>(
    py: Python<'_>,
    callback: Option<Py<PyAny>>,
    tool: impl FnOnce(&mut Progress<'_>) -> Result<T> + Send,
) -> PyResult<T> {
    let mut failed = None;
    let outcome = without_gil(py, || {
        tool(&mut |table, entries| {
            let Some(callback) = callback.as_ref().filter(|_| failed.is_none()) else {
                return;
            };
            let called = Python::attach(|py| callback.call1(py, (table.name(), entries)).map(drop));
            failed = called.err();
        })
    });
    failed.map_or(outcome, Err)
}

#[pyfunction]
#[pyo3(signature = (store, progress=None))]
fn fsck<'py>(
    py: Python<'py>,
    store: &str,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let report = with_progress(py, progress, |progress| tools::fsck(Path::new(store), progress))?;
    let counts = PyDict::new(py);
    for (table, entries) in report.counts {
        counts.set_item(table, entries)?;
    }
    let answer = PyDict::new(py);
    answer.set_item("format_version", report.format_version)?;
    answer.set_item("revision", report.revision)?;
    answer.set_item("counts", counts)?;
    answer.set_item("problems", PyList::new(py, report.problems)?)?;
    answer.set_item("problems_total", report.problems_total)?;
    Ok(answer)
}

#[pyfunction]
#[pyo3(signature = (store, file, progress=None))]
fn dump(py: Python<'_>, store: &str, file: &str, progress: Option<Py<PyAny>>) -> PyResult<u64> {
    let (store, file) = (Path::new(store), Path::new(file));
    with_progress(py, progress, |progress| tools::dump(store, file, progress))
}

#[pyfunction]
#[pyo3(signature = (file, store, progress=None))]
fn load(py: Python<'_>, file: &str, store: &str, progress: Option<Py<PyAny>>) -> PyResult<u64> {
    let (file, store) = (Path::new(file), Path::new(store));
    with_progress(py, progress, |progress| tools::load(file, store, progress))
}

#[pyfunction]
#[pyo3(signature = (store, progress=None))]
fn compact<'py>(
    py: Python<'py>,
    store: &str,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let store = Path::new(store);
    let compacted = with_progress(py, progress, |progress| tools::compact(store, progress))?;
    let answer = PyDict::new(py);
    answer.set_item("entries", compacted.entries)?;
    answer.set_item("bytes_before", compacted.bytes_before)?;
    answer.set_item("bytes_after", compacted.bytes_after)?;
    Ok(answer)
}

#[pyfunction]
fn spaces<'py>(py: Python<'py>, store: &str) -> PyResult<Bound<'py, PyList>> {
    let summaries = without_gil(py, || tools::spaces(Path::new(store)))?;
    let answer = PyList::empty(py);
    for summary in summaries {
        let fields = PyList::empty(py);
        for field in summary.fields {
            let entry = PyDict::new(py);
            entry.set_item("path", field.path)?;
            entry.set_item("kind", field.kind)?;
            entry.set_item("unique", field.unique)?;
            fields.append(entry)?;
        }
        let entry = PyDict::new(py);
        entry.set_item("account_id", summary.account_id)?;
        entry.set_item("db_id", summary.db_id)?;
        entry.set_item("members", summary.members)?;
        entry.set_item("addresses", summary.addresses)?;
        entry.set_item("fields", fields)?;
        answer.append(entry)?;
    }
    Ok(answer)
}

#[pyfunction]
fn sniff(py: Python<'_>, path: &str) -> PyResult<&'static str> {
    without_gil(py, || reading::sniff(Path::new(path)))
}

#[pyfunction]
fn convert_spreadsheet<'py>(
    py: Python<'py>,
    input: &str,
    output: &str,
    sheet: &str,
) -> PyResult<Bound<'py, PyDict>> {
    let (input, output) = (Path::new(input), Path::new(output));
    let rows_max = reading::limits::SHEET_ROWS_MAX;
    let converted = without_gil(py, || reading::convert(input, output, sheet, rows_max))?;
    let warnings = PyList::empty(py);
    for warning in converted.warnings {
        warnings.append(PyBytes::new(py, &encode(&v1::Warning::from(warning))))?;
    }
    let answer = PyDict::new(py);
    answer.set_item("sheet", converted.sheet)?;
    answer.set_item("sheets", converted.sheets)?;
    answer.set_item("rows", converted.rows)?;
    answer.set_item("warnings", warnings)?;
    answer.set_item("warnings_total", converted.warnings_total)?;
    Ok(answer)
}

/// Two levels around documents of the deepest kind.
const SPLIT_LEVELS_MAX: usize = json::LEVELS_MAX + 2;

fn canonical_text(document: &[u8]) -> PyResult<String> {
    let mut text = String::new();
    json::canonicalize_within(document, SPLIT_LEVELS_MAX, &mut text)
        .map_err(|fault| PyValueError::new_err(fault.to_string()))?;
    Ok(text)
}

#[pyfunction]
fn split_object<'py>(py: Python<'py>, document: &[u8]) -> PyResult<Option<Bound<'py, PyDict>>> {
    let text = canonical_text(document)?;
    if json::kind(&text) != json::Kind::Object {
        return Ok(None);
    }
    let answer = PyDict::new(py);
    for (name, value) in json::members(&text) {
        answer.set_item(json::unescape(name), PyBytes::new(py, value.as_bytes()))?;
    }
    Ok(Some(answer))
}

#[pyfunction]
fn split_array<'py>(py: Python<'py>, document: &[u8]) -> PyResult<Option<Bound<'py, PyList>>> {
    let text = canonical_text(document)?;
    if json::kind(&text) != json::Kind::Array {
        return Ok(None);
    }
    let elements = json::elements(&text).map(|element| PyBytes::new(py, element.as_bytes()));
    PyList::new(py, elements.collect::<Vec<_>>()).map(Some)
}

#[pyfunction]
fn code_of_reason(reason: i32) -> PyResult<i32> {
    let known = v1::ErrorReason::try_from(reason);
    known
        .map(|known| fault::code(known) as i32)
        .map_err(|_| PyValueError::new_err(format!("No ErrorReason has the number {reason}.")))
}

#[pymodule]
fn _native(py: Python<'_>, module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("CoreError", py.get_type::<CoreError>())?;
    module.add_class::<Core>()?;
    module.add_class::<ImportStream>()?;
    module.add_function(wrap_pyfunction!(fsck, module)?)?;
    module.add_function(wrap_pyfunction!(dump, module)?)?;
    module.add_function(wrap_pyfunction!(load, module)?)?;
    module.add_function(wrap_pyfunction!(compact, module)?)?;
    module.add_function(wrap_pyfunction!(spaces, module)?)?;
    module.add_function(wrap_pyfunction!(sniff, module)?)?;
    module.add_function(wrap_pyfunction!(convert_spreadsheet, module)?)?;
    module.add_function(wrap_pyfunction!(split_object, module)?)?;
    module.add_function(wrap_pyfunction!(split_array, module)?)?;
    module.add_function(wrap_pyfunction!(code_of_reason, module)?)?;
    Ok(())
}
