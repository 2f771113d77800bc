//! `JobService`: the imports that the server runs itself. Only the process of the server calls it,
//! so that its methods are not among those of the contract.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use prost::Message;

use super::{Method, answer};
use crate::core::Core;
use crate::fault::{Fault, Result};
use crate::jobs::access::{change, measure, read_job, served};
use crate::jobs::{self, CancelJob, ClaimJob, CreateJob, DeleteJob, FailJob, UpdateJob};
use crate::matching::AddressBook;
use crate::member::batch::Batch;
use crate::reading::{self, ReportName};
use crate::space::Space;
use crate::store::keys;
use crate::wire::internal::v1;
use crate::wire::v1::import_source::Source;
use crate::wire::v1::{ImportMetadata, ImportState};
use crate::write::Job;
use crate::write::operation::{OperationAnswer, Options};
use crate::write::requests;

/// Jobs of one page.
const PAGE_JOBS_MAX: usize = 1_000;

/// Bytes of one page: each job has its request, which may be large.
const PAGE_BYTES_MAX: usize = 4 << 20;

/// Every method by its full name.
pub const METHODS: [(&str, Method); 12] = [
    ("/zmey.internal.v1.JobService/CreateJob", |core, request, deadline| {
        answer(request, |request| create_job(core, request, deadline))
    }),
    ("/zmey.internal.v1.JobService/GetJob", |core, request, _| {
        answer(request, |request| get_job(core, &request))
    }),
    ("/zmey.internal.v1.JobService/ListJobs", |core, request, _| {
        answer(request, |request| list_jobs(core, &request))
    }),
    ("/zmey.internal.v1.JobService/CancelJob", |core, request, deadline| {
        answer(request, |request| cancel_job(core, &request, deadline))
    }),
    ("/zmey.internal.v1.JobService/DeleteJob", |core, request, deadline| {
        answer(request, |request| delete_job(core, &request, deadline))
    }),
    ("/zmey.internal.v1.JobService/ClaimJob", |core, request, _| {
        answer(request, |_: v1::ClaimJobRequest| claim_job(core))
    }),
    ("/zmey.internal.v1.JobService/UpdateJob", |core, request, _| {
        answer(request, |request| update_job(core, request))
    }),
    ("/zmey.internal.v1.JobService/FailJob", |core, request, _| {
        answer(request, |request| fail_job(core, request))
    }),
    ("/zmey.internal.v1.JobService/RunJob", |core, request, _| {
        answer(request, |request| run_job(core, &request))
    }),
    ("/zmey.internal.v1.JobService/ProbeFile", |core, request, _| {
        answer(request, |request| probe_file(core, &request))
    }),
    ("/zmey.internal.v1.JobService/ReadRejects", |core, request, _| {
        answer(request, |request| read_rejects(core, &request))
    }),
    ("/zmey.internal.v1.JobService/NameColumns", |_, request, _| {
        answer(request, |request| Ok(name_columns(&request)))
    }),
];

/// `CreateJob`.
fn create_job(
    core: &Core,
    request: v1::CreateJobRequest,
    deadline: Option<Instant>,
) -> Result<v1::CreateJobResponse> {
    let mut request = request.request.ok_or_else(|| Fault::required("request"))?;
    let options = request.options.as_ref().ok_or_else(|| Fault::required("options"))?;
    let space = core.spaces().get(options.space.as_ref())?;
    jobs::checked(&space, &request)?;
    let identity = [b"StartImport\0".as_slice(), &request.encode_to_vec()].concat();
    let known = requests::prepare(space.number, &request.request_id, &identity)?;
    if let Some(Source::Inline(inline)) =
        request.source.as_mut().and_then(|source| source.source.as_mut())
    {
        inline.content = Bytes::new();
    }
    let bytes = request.encoded_len();
    let options = Options { request: known, ..Options::default() };
    let batch = Batch::bare(Arc::clone(&space), core.moment(&space));
    let job = Job::of_operation(batch, Box::new(CreateJob { request }), options);
    let done = core.writer().run(Job { bytes, deadline, ..job })?;
    let OperationAnswer { outcome, replayed } = done.operation()?;
    let job = v1::Job::decode(outcome).map_err(Fault::internal)?;
    if !replayed {
        return Ok(v1::CreateJobResponse { job: Some(job), is_repeated: false });
    }
    // It may have gone on since; where it was deleted, it is answered as it was at first.
    let job = read_job(core, &space, job.job_id).unwrap_or(job);
    Ok(v1::CreateJobResponse { job: Some(job), is_repeated: true })
}

/// `GetJob`.
fn get_job(core: &Core, request: &v1::GetJobRequest) -> Result<v1::GetJobResponse> {
    let space = core.spaces().get(request.space.as_ref())?;
    Ok(v1::GetJobResponse { job: Some(read_job(core, &space, request.job_id)?) })
}

/// `ListJobs`.
fn list_jobs(core: &Core, request: &v1::ListJobsRequest) -> Result<v1::ListJobsResponse> {
    let space = core.spaces().get(request.space.as_ref())?;
    let page_size = usize::try_from(request.page_size).unwrap_or(usize::MAX);
    if page_size == 0 {
        return Err(Fault::required("page_size"));
    }
    if page_size > PAGE_JOBS_MAX {
        return Err(Fault::limit("page_size", PAGE_JOBS_MAX, page_size));
    }
    let newest = request.before_job_id.checked_sub(1).unwrap_or(u64::MAX);
    let from = keys::owned(|key| keys::job(key, space.number, newest));
    let now_seconds = core.moment(&space).now.as_second();
    core.read(&AddressBook::default(), |view, _| {
        let unfinished = jobs::unfinished(view)?;
        let page = jobs::page(view, &from, (page_size, PAGE_BYTES_MAX), now_seconds)?;
        let mut answer = v1::ListJobsResponse::default();
        for stored in &page {
            let mut job = stored.to_wire(&space, &unfinished)?;
            measure(core, &mut job);
            answer.jobs.push(job);
        }
        Ok(answer)
    })
}

/// `CancelJob`.
fn cancel_job(
    core: &Core,
    request: &v1::CancelJobRequest,
    deadline: Option<Instant>,
) -> Result<v1::CancelJobResponse> {
    let space = core.spaces().get(request.space.as_ref())?;
    let job_id = request.job_id;
    let claimed = core.jobs().claimed(job_id);
    let before = read_job(core, &space, job_id)?;
    // Before it is stored, which waits behind the batches that the job has in the queue: these are
    // not applied any more.
    if let Some(claimed) = &claimed {
        claimed.cancel();
    }
    let is_claimed = claimed.is_some();
    let job = change(core, &space, Box::new(CancelJob { job_id, is_claimed }), deadline)?;
    if state_of(&before) != state_of(&job) {
        core.metrics().job_ended(state_of(&job));
    }
    Ok(v1::CancelJobResponse { job: Some(job) })
}

/// `DeleteJob`.
fn delete_job(
    core: &Core,
    request: &v1::DeleteJobRequest,
    deadline: Option<Instant>,
) -> Result<v1::DeleteJobResponse> {
    let space = core.spaces().get(request.space.as_ref())?;
    let mut goes_on = false;
    loop {
        let operation = Box::new(DeleteJob { job_id: request.job_id, goes_on });
        let outcome = core.operate(&space, operation, deadline)?;
        if outcome.first() == Some(&1) {
            return Ok(v1::DeleteJobResponse {});
        }
        goes_on = true;
    }
}

/// `ClaimJob`.
fn claim_job(core: &Core) -> Result<v1::ClaimJobResponse> {
    while let Some((job_id, space_number)) = choose(core)? {
        let claimed = served(core, space_number)
            .and_then(|space| core.operate(&space, Box::new(ClaimJob { job_id }), None));
        let claimed = match claimed {
            Ok(outcome) => v1::Job::decode(outcome).map_err(Fault::internal)?,
            Err(fault) => {
                core.jobs().release(job_id);
                return Err(fault);
            }
        };
        // Where it has ended meanwhile, the next one.
        match state_of(&claimed) {
            ImportState::Fetching | ImportState::Applying => {
                return Ok(v1::ClaimJobResponse { job: Some(claimed) });
            }
            ended => core.metrics().job_ended(ended),
        }
        core.jobs().release(job_id);
    }
    Ok(v1::ClaimJobResponse { job: None })
}

/// Chooses the next job, and keeps everybody else from choosing it.
fn choose(core: &Core) -> Result<Option<(u64, u32)>> {
    let mut claims = core.jobs().claims();
    let unfinished = core.read(&AddressBook::default(), |view, _| Ok(jobs::unfinished(view)?))?;
    let chosen = jobs::first_claimable(&unfinished, &claims, core.spaces());
    if let Some((job_id, _)) = chosen {
        claims.insert(job_id, Arc::default());
    }
    Ok(chosen)
}

/// `UpdateJob`.
fn update_job(core: &Core, request: v1::UpdateJobRequest) -> Result<v1::UpdateJobResponse> {
    let space = space_of(core, request.job_id)?;
    let job_id = request.job_id;
    let job = change(core, &space, Box::new(UpdateJob { request }), None)?;
    if state_of(&job) == ImportState::Queued {
        core.jobs().release(job_id);
    }
    Ok(v1::UpdateJobResponse { job: Some(job) })
}

/// `FailJob`.
fn fail_job(core: &Core, request: v1::FailJobRequest) -> Result<v1::FailJobResponse> {
    let v1::FailJobRequest { job_id, error } = request;
    let space = space_of(core, job_id)?;
    let job = change(core, &space, Box::new(FailJob { job_id, error }), None)?;
    core.jobs().release(job_id);
    core.metrics().job_ended(state_of(&job));
    Ok(v1::FailJobResponse { job: Some(job) })
}

/// `RunJob`.
fn run_job(core: &Core, request: &v1::RunJobRequest) -> Result<v1::RunJobResponse> {
    Ok(v1::RunJobResponse { job: Some(jobs::run(core, request.job_id, &request.path)?) })
}

/// `ProbeFile`.
fn probe_file(core: &Core, request: &v1::ProbeFileRequest) -> Result<v1::ProbeFileResponse> {
    let asked = request.request.as_ref().ok_or_else(|| Fault::required("request"))?;
    let response = jobs::probe(core, asked, &request.path)?;
    Ok(v1::ProbeFileResponse { response: Some(response) })
}

/// `ReadRejects`.
fn read_rejects(core: &Core, request: &v1::ReadRejectsRequest) -> Result<v1::ReadRejectsResponse> {
    let space = core.spaces().get(request.space.as_ref())?;
    let now_seconds = core.moment(&space).now.as_second();
    core.read(&AddressBook::default(), |view, _| {
        jobs::find(view, space.number, request.job_id, now_seconds)?;
        Ok(jobs::read_rejects(view, (space.number, request.job_id), request.after_batch)?)
    })
}

/// `NameColumns`.
fn name_columns(request: &v1::NameColumnsRequest) -> v1::NameColumnsResponse {
    let names = reading::report_names(&request.columns, request.express).into_iter();
    let column = |ReportName { name, json_name }| v1::ReportColumn { name, json_name };
    v1::NameColumnsResponse { columns: names.map(column).collect() }
}

fn state_of(job: &v1::Job) -> ImportState {
    job.metadata.as_ref().map_or(ImportState::Unspecified, ImportMetadata::state)
}

/// The space of a job that has not ended.
fn space_of(core: &Core, job_id: u64) -> Result<Arc<Space>> {
    let stored =
        core.read(&AddressBook::default(), |view, _| jobs::find_unfinished(view, job_id))?;
    served(core, stored.progress.space_number)
}
