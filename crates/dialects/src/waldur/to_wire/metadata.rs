//! What `OPTIONS` tells of a path: what it reads and writes, and the fields that may be sent (facts A4).

use super::super::routes::Route;
use super::Document;
use serde_json::{Value, json};

/// A field: name, label, type, whether it must be there, whether it is only read, and its most letters.
type Field = (&'static str, &'static str, &'static str, bool, bool, Option<u32>);

const JOB: [Field; 31] = [
    ("url", "Url", "field", false, true, None),
    ("uuid", "Uuid", "string", false, true, None),
    ("name", "Name", "string", true, false, Some(150)),
    ("description", "Description", "string", false, false, Some(4096)),
    ("service_name", "Service name", "string", false, true, None),
    ("service_settings", "Service settings", "field", true, false, None),
    ("service_settings_uuid", "Service settings uuid", "string", false, true, None),
    ("service_settings_state", "Service settings state", "string", false, true, None),
    ("service_settings_error_message", "Service settings error message", "string", false, true, None),
    ("project", "Project", "field", true, false, None),
    ("project_name", "Project name", "string", false, true, None),
    ("project_uuid", "Project uuid", "string", false, true, None),
    ("customer", "Customer", "field", false, true, None),
    ("customer_uuid", "Customer uuid", "string", false, true, None),
    ("customer_name", "Customer name", "string", false, true, None),
    ("customer_native_name", "Customer native name", "string", false, true, None),
    ("customer_abbreviation", "Customer abbreviation", "string", false, true, None),
    ("error_message", "Error message", "string", false, true, None),
    ("error_traceback", "Error traceback", "string", false, true, None),
    ("resource_type", "Resource type", "string", false, true, None),
    ("state", "State", "string", false, true, None),
    ("created", "Created", "datetime", false, true, None),
    ("modified", "Modified", "datetime", false, true, None),
    ("backend_id", "Backend id", "string", false, true, None),
    ("access_url", "Access url", "field", false, true, None),
    ("runtime_state", "Runtime state", "string", false, false, Some(100)),
    ("file", "File", "file upload", true, false, None),
    ("user", "User", "field", false, true, None),
    ("user_uuid", "User uuid", "string", false, true, None),
    ("user_username", "User username", "string", false, true, None),
    ("report", "Report", "field", false, true, None),
];

/// Fields that can only be said once.
const SAID_ONCE: [&str; 3] = ["service_settings", "project", "file"];

/// Describes a path.
pub(in super::super) fn metadata(route: Route<'_>) -> Document {
    let (name, description) = about(route);
    let mut document = Document::from_iter([
        ("name".to_owned(), json!(name)),
        ("description".to_owned(), json!(description)),
        ("renders".to_owned(), json!(["application/json"])),
        (
            "parses".to_owned(),
            json!(["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]),
        ),
    ]);
    let method = match route {
        Route::Jobs => "POST",
        Route::Job(_) => "PUT",
        _ => return document,
    };
    let fields: Document = JOB.iter().map(|one| (one.0.to_owned(), field(one, method))).collect();
    document.insert("actions".to_owned(), json!({ method: fields }));
    document
}

fn field(&(name, label, kind, is_required, is_read_only, most): &Field, method: &str) -> Value {
    let is_fixed = method == "PUT" && SAID_ONCE.contains(&name);
    let mut field = json!({
        "type": kind,
        "required": is_required && !is_fixed,
        "read_only": is_read_only || is_fixed,
        "label": label,
    });
    if let (Some(most), Some(field)) = (most, field.as_object_mut()) {
        field.insert("max_length".to_owned(), json!(most));
    }
    field
}

/// Returns the name of a path and what it is for.
fn about(route: Route<'_>) -> (&'static str, &'static str) {
    match route {
        Route::Root => ("Api Root", "Lists what can be asked for."),
        Route::Jobs => ("Job List", "Lists jobs, and takes in new ones."),
        Route::Job(_) => ("Job Instance", "Shows, changes and deletes a job."),
        Route::Pull(_) => ("Pull", "Takes in how the job stands."),
        Route::Unlink(_) => ("Unlink", "Forgets the record and leaves the job alone."),
        Route::SetOk(_) => ("Set Ok", "Takes the record back out of the state ERRED."),
        Route::SetErred(_) => ("Set Erred", "Puts the record into the state ERRED."),
        Route::Media(_) => ("Media", "Sends a job's script."),
        Route::Projects => ("Project List", "Lists projects."),
        Route::Project(_) => ("Project Instance", "Shows a project."),
        Route::Customers => ("Customer List", "Lists customers."),
        Route::Customer(_) => ("Customer Instance", "Shows a customer."),
        Route::Settings => ("Service Settings List", "Lists where jobs can run."),
        Route::Setting(_) => ("Service Settings Instance", "Shows where jobs can run."),
        Route::Me => ("Me", "Shows who asks."),
        Route::User(_) => ("User Instance", "Shows a user."),
        Route::Login => ("Obtain Auth Token", "Gives a token for a name and a password."),
        Route::Logout => ("Logout", "Takes a token back."),
        Route::Version => ("Version", "Tells the version of the service."),
        Route::Configuration => ("Configuration", "Tells what everybody may know of the service."),
    }
}
