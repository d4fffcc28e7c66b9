//! A job, as lists and answers have it.

use super::super::listing::created;
use super::super::names::hex;
use super::super::origin::Origin;
use super::super::projects::Realm;
use super::super::subject::Subject;
use super::super::{Waldur, address::Address};
use super::report::report;
use super::{Document, time};
use domain::Timestamp;
use domain::who::Principal;
use serde_json::{Value, json};

/// For whom a job is shown, and where.
pub(in super::super) struct Showing<'a> {
    pub(in super::super) waldur: &'a Waldur,
    pub(in super::super) realm: &'a Realm<'a>,
    pub(in super::super) address: &'a Address,
    pub(in super::super) by: &'a Principal,
    pub(in super::super) now: Timestamp,
    /// Whether files are read for what jobs have written.
    pub(in super::super) with_report: bool,
}

/// Describes a job. Blocks if files are read.
pub(in super::super) fn job(subject: &Subject, showing: &Showing<'_>) -> Document {
    let Showing { waldur, realm, address, by, now, with_report } = *showing;
    let names = &waldur.names;
    let project = realm.project(&subject.charge(realm));
    let settings = waldur.settings_id(realm.snapshot);
    let cluster = &realm.snapshot.cluster.name;
    let owner = subject.owner();
    // Nobody whom the system does not know has an address here.
    let person = realm.directory.person_by_uid(owner);
    let user = person.as_ref().map(|_| hex(names.user(owner)));
    let fault = subject.fault();
    let (description, modified, file) = match subject {
        Subject::Job(known) => {
            let lead = &known.lead.job;
            let has_script = known.parts.iter().chain([&known.lead]).any(|part| part.job.runs_script());
            let file = has_script.then(|| names.script(lead));
            (known.description(), known.modified(), file)
        }
        Subject::Refused(refused) => {
            (refused.description.clone(), Timestamp::from_micros(refused.modified), Some(refused.id))
        }
    };
    let report = match subject {
        // What a job has written is for whoever may act on it.
        Subject::Job(known) if with_report && subject.is_changed_by(by) => {
            report(known, realm.directory, now)
        }
        _ => Value::Null,
    };
    let fields = json!({
        "url": address.to("slurm-jobs", subject.id()),
        "uuid": hex(subject.id()),
        "name": subject.name(),
        "description": description,
        "service_name": cluster,
        "service_settings": address.to("service-settings", settings),
        "service_settings_uuid": hex(settings),
        "service_settings_state": "OK",
        "service_settings_error_message": "",
        "project": address.to("projects", project.id),
        "project_name": project.name,
        "project_uuid": hex(project.id),
        "customer": address.to("customers", project.customer.id),
        "customer_uuid": hex(project.customer.id),
        "customer_name": project.customer.name,
        "customer_native_name": "",
        "customer_abbreviation": "",
        "error_message": fault.map_or("", |fault| fault.message.as_str()),
        "error_traceback": fault.map_or("", |fault| fault.traceback.as_str()),
        "resource_type": "SLURM.Job",
        "state": subject.state(),
        "created": time(created(subject)),
        "modified": time(modified),
        "backend_id": subject.backend_id(),
        "access_url": Value::Null,
        "runtime_state": subject.runtime_state(),
        "file": file.map(|file| address.to("media", file)).unwrap_or_default(),
        "user": user.as_ref().map(|_| address.to("users", names.user(owner))),
        "user_uuid": user,
        "user_username": person.map(|person| person.name),
        "report": report,
    });
    match fields {
        Value::Object(document) => document,
        _ => Document::new(),
    }
}

/// Returns the name that the file of a record's script is downloaded under.
pub(in super::super) fn file_name(subject: &Subject) -> String {
    let name = match subject {
        Subject::Refused(refused) => refused.file.clone(),
        Subject::Job(known) => {
            let origin = Origin::of(&known.lead.job.spec).map(|origin| origin.file);
            let command = &known.lead.job.spec.command;
            origin.unwrap_or_else(|| command.rsplit('/').next().unwrap_or_default().to_owned())
        }
    };
    if name.is_empty() { "script.sh".to_owned() } else { name }
}
