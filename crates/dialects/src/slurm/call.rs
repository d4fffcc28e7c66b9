//! One request on its way through its operation: what came in, what is to be said about it, and how the answer is put
//! together around its payload.

use super::auth::Asker;
use super::error;
use super::from_wire::Refusal;
use super::media::Format;
use super::once::Once;
use super::required;
use super::routes::{Found, Operation};
use super::script_options;
use super::served::Part;
use super::slice::Slice;
use crate::http::answer::{Answer, Body, answer};
use crate::site::Site;
use domain::who::Principal;
use domain::{Error, Timestamp};
use hyper::StatusCode;
use jiff::Zoned;
use slurm_wire::envelope::{Errors, Meta, MetaContent, Resp, Warnings};
use slurm_wire::{Report, Value, Version, Wire, error_number as number};
use std::net::SocketAddr;
use std::sync::Arc;

/// A request.
pub(super) struct Call<'a> {
    pub(super) site: &'a Arc<Site>,
    /// What is asked for.
    pub(super) operation: Operation,
    /// Who asks; `None` where the token does not hold.
    pub(super) asker: Asker,
    /// What stands in the path's parameter.
    pub(super) parameter: &'a str,
    /// The version that is spoken.
    pub(super) version: &'static Version,
    /// The part of the interface that answers.
    pub(super) part: Part,
    /// What of a long list is asked for.
    pub(super) slice: Slice,
    /// By what the client knows a submission again.
    pub(super) once: Once,
    /// Nothing is to be submitted: it is asked when the job would start.
    pub(super) is_question: bool,
    /// What it says of `#SBATCH` lines.
    pub(super) script_lines: script_options::Wish,
    /// The body or, without one, the query.
    pub(super) document: Value<'a>,
    /// What is wrong or odd so far.
    pub(super) report: Report,
    /// The form of the answer.
    pub(super) format: Format,
    /// When the request came in.
    pub(super) now: Timestamp,
    peer: SocketAddr,
}

impl<'a> Call<'a> {
    pub(super) fn new(
        site: &'a Arc<Site>,
        asker: Asker,
        found: Found<'a>,
        document: Value<'a>,
        format: Format,
        peer: SocketAddr,
    ) -> Self {
        let now = site.jobs.clock().now();
        let Found { operation, parameter, version, .. } = found;
        let part =
            if matches!(operation, Operation::Accounting(_)) { Part::Database } else { Part::Controller };
        let report = Report::new(zoned(site, now)).in_version(version);
        Call {
            site,
            operation,
            asker,
            parameter,
            version,
            part,
            slice: Slice::default(),
            once: Once::default(),
            is_question: false,
            script_lines: script_options::Wish::default(),
            document,
            report,
            format,
            now,
            peer,
        }
    }

    /// Reads the body, or the query, as the operation documents it. `None` if the request must be refused.
    pub(super) fn read<T: Wire + Default>(&mut self) -> Option<T> {
        slurm_wire::parse(&self.document, &mut self.report).ok()
    }

    /// Returns who asks, or notes that the token does not hold.
    pub(super) fn trusted(&mut self, description: &str, source: &str) -> Option<Principal> {
        if self.asker.is_none() {
            self.report.error(number::PROTOCOL_AUTHENTICATION, description, source);
        }
        self.asker.clone()
    }

    /// Returns who asks of accounting, or notes that the token does not open its door.
    pub(super) fn admitted(&mut self) -> Option<Principal> {
        if self.asker.is_none() {
            let why = "Failed to open slurmdbd connection";
            self.report.error(number::DATABASE_CONNECTION, why, "openapi_get_db_conn");
        }
        self.asker.clone()
    }

    /// Notes why the domain refuses, under its number.
    pub(super) fn refused(&mut self, why: &Error, description: &str, source: &str) {
        self.note(error::number(why), None, description, source);
    }

    /// Notes an error under its number.
    pub(super) fn numbered(&mut self, number: i32, description: &str, source: &str) {
        self.note(number, None, description, source);
    }

    /// Notes why a request cannot be taken over.
    pub(super) fn refuse(&mut self, refusal: &Refusal, description: &str, source: &str) {
        match refusal {
            Refusal::Problem(why) => self.refused(why, description, source),
            Refusal::Number(number, text) => self.note(*number, Some(text), description, source),
            Refusal::Place(number, sentence, place) => self.note(*number, None, sentence, place),
        }
    }

    fn note(&mut self, number: i32, text: Option<&'static str>, description: &str, source: &str) {
        let mut entry = slurm_wire::envelope::ErrorEntry::new(number, description, source);
        if let Some(text) = text.or_else(|| error::own_text(number)) {
            entry.error = text.into();
        }
        self.report.errors.push(entry);
    }

    /// Answers with the payload; the status follows from the first error that has a number.
    pub(super) fn answer<T: Envelope>(self, payload: T) -> Answer {
        let status = error::status(&self.report.errors);
        self.answer_with(status, payload)
    }

    /// Answers with the payload and this status.
    pub(super) fn answer_with<T: Envelope>(self, status: StatusCode, mut payload: T) -> Answer {
        self.fill(&mut payload);
        let json = slurm_wire::to_json_in(self.version, &payload);
        written(status, self.format, json)
    }

    /// Answers that the client has the list already.
    pub(super) fn known(self) -> Answer {
        let mut answer = crate::http::answer::empty(StatusCode::NOT_MODIFIED);
        self.slice.mark(answer.headers_mut());
        answer
    }

    /// Answers a request that failed early: without any payload but what must be there, and in the original's other
    /// order.
    pub(super) fn fail(self) -> Answer {
        let status = error::status(&self.report.errors);
        self.fail_with(status)
    }

    /// The same with this status.
    pub(super) fn fail_with(self, status: StatusCode) -> Answer {
        let mut payload = Resp::default();
        self.fill(&mut payload);
        let json = slurm_wire::to_json_in(self.version, &payload);
        written(status, self.format, required::completed(self.operation, self.version, json))
    }

    /// Puts what surrounds every payload into it.
    pub(super) fn fill<T: Envelope>(&self, payload: &mut T) {
        let (errors, warnings) = (self.report.errors.clone(), self.report.warnings.clone());
        payload.surround(self.meta(), errors.into(), warnings.into());
    }

    fn meta(&self) -> Meta {
        let mut meta = MetaContent::default();
        let plugin = self.part.plugin();
        meta.plugin.kind = format!("openapi/{plugin}").into();
        meta.plugin.name = format!("Slurm OpenAPI {plugin}").into();
        meta.plugin.data_parser = format!("data_parser/{}", self.version.name).into();
        meta.plugin.accounting_storage = "accounting_storage/slurmdbd".into();
        // The original tells its own user here, whoever asks, and the number of a descriptor that means nothing.
        meta.client.source = format!("{}(fd:0)", self.peer).into();
        let (user, group) = if self.part == Part::Database { ("nobody", "") } else { ("root", "root") };
        meta.client.user = user.into();
        meta.client.group = group.into();
        meta.slurm.version.major = "26".into();
        meta.slurm.version.micro = "5".into();
        meta.slurm.version.minor = "05".into();
        meta.slurm.release = RELEASE.into();
        meta.slurm.cluster = self.site.jobs.snapshot().cluster.name.clone();
        meta.into()
    }
}

/// The release whose behaviour is reproduced: clients decide by it what they may ask for.
pub(super) const RELEASE: &str = "26.05.5";

fn zoned(site: &Site, now: Timestamp) -> Zoned {
    jiff::Timestamp::from_microsecond(now.micros()).unwrap_or_default().to_zoned(site.zone.clone())
}

/// Makes an answer of a document.
pub(super) fn written(status: StatusCode, format: Format, json: Vec<u8>) -> Answer {
    let body = match format {
        Format::Json => json,
        // What this service writes is JSON; should it not be, JSON is still better than nothing.
        Format::Yaml(_) => slurm_wire::yaml::from_json(&json).unwrap_or(json),
    };
    answer(status, format.content_type(), Body::from(body))
}

/// An answer's frame: every answer of the API has these three.
pub(super) trait Envelope: Wire {
    /// Puts them in.
    fn surround(&mut self, meta: Meta, errors: Errors, warnings: Warnings);
}

macro_rules! envelopes {
    ($($answer:ty),* $(,)?) => {$(
        impl Envelope for $answer {
            fn surround(&mut self, meta: Meta, errors: Errors, warnings: Warnings) {
                (self.meta, self.errors, self.warnings) = (meta, errors, warnings);
            }
        }
    )*};
}

envelopes! {
    Resp,
    slurm_wire::submit::JobSubmitResponse,
    slurm_wire::submit::JobAllocResp,
    slurm_wire::job_change::JobPostResponse,
    slurm_wire::job_change::KillJobResp,
    slurm_wire::job_change::KillJobsResp,
    slurm_wire::job_info::JobInfoResp,
    slurm_wire::states::JobStatesResp,
    slurm_wire::node::NodesResp,
    slurm_wire::licenses::LicensesResp,
    slurm_wire::job_resources::ResourceLayoutResp,
    slurm_wire::shares::SharesResp,
    slurm_wire::partition::PartitionResp,
    slurm_wire::reservation::ReservationResp,
    slurm_wire::reservation::ReservationModResp,
    slurm_wire::ping::PingArrayResp,
    slurm_wire::diag::DiagResp,
    slurm_wire::requeue::JobRequeueResp,
    slurm_wire::requeue::JobsRequeueResp,
    slurm_wire::hostlist_reply::HostlistReqResp,
    slurm_wire::hostlist_reply::HostnamesReqResp,
    slurm_wire::accounting::job::SlurmdbdJobsResp,
    slurm_wire::accounting::job::JobModifyResp,
    slurm_wire::ping::SlurmdbdPingResp,
    slurm_wire::accounting::stats::SlurmdbdStatsResp,
    slurm_wire::accounting::tres::TresResp,
    slurm_wire::accounting::cluster::ClustersResp,
    slurm_wire::accounting::instance::InstancesResp,
    slurm_wire::accounting::account::AccountsResp,
    slurm_wire::accounting::account::AccountsAddCondRespStr,
    slurm_wire::accounting::account::AccountsRemovedResp,
    slurm_wire::accounting::user::UsersResp,
    slurm_wire::accounting::user::UsersAddCondRespStr,
    slurm_wire::accounting::user::UsersRemovedResp,
    slurm_wire::accounting::association::AssocsResp,
    slurm_wire::accounting::association::AssocsRemovedResp,
    slurm_wire::accounting::qos::SlurmdbdQosResp,
    slurm_wire::accounting::qos::SlurmdbdQosRemovedResp,
    slurm_wire::accounting::wckey::WckeyResp,
    slurm_wire::accounting::wckey::WckeyRemovedResp,
    slurm_wire::accounting::cluster::ClustersRemovedResp,
    slurm_wire::accounting::config::SlurmdbdConfigResp,
}
