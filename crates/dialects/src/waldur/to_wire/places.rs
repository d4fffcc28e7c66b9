//! Projects, customers, the settings of the one service that there is, users, and the list of all that.

use super::super::address::Address;
use super::super::names::hex;
use super::super::projects::{Customer, Project};
use super::{Document, time};
use domain::who::{Person, Principal};
use serde_json::{Value, json};

fn document(value: Value) -> Document {
    match value {
        Value::Object(document) => document,
        _ => Document::new(),
    }
}

/// Describes a project.
pub(in super::super) fn project(project: &Project, address: &Address) -> Document {
    let customer = &project.customer;
    document(json!({
        "url": address.to("projects", project.id),
        "uuid": hex(project.id),
        "name": project.name,
        "description": project.description,
        "customer": address.to("customers", customer.id),
        "customer_uuid": hex(customer.id),
        "customer_name": customer.name,
        "customer_native_name": "",
        "customer_abbreviation": "",
        "created": time(project.created),
        "backend_id": project.name,
        "is_removed": false,
    }))
}

/// Describes a customer.
pub(in super::super) fn customer(customer: &Customer, address: &Address) -> Document {
    document(json!({
        "url": address.to("customers", customer.id),
        "uuid": hex(customer.id),
        "name": customer.name,
        "description": customer.description,
        "native_name": "",
        "abbreviation": "",
        "created": time(customer.created),
        "backend_id": customer.name,
    }))
}

/// Describes the settings of this service: a cluster that is open to all.
pub(in super::super) fn settings(id: u128, cluster: &str, address: &Address) -> Document {
    document(json!({
        "url": address.to("service-settings", id),
        "uuid": hex(id),
        "name": cluster,
        "type": "SLURM",
        "state": "OK",
        "error_message": "",
        "shared": true,
        "terms_of_services": "",
        "options": {},
    }))
}

/// Describes a user. The system knows neither addresses nor full names.
pub(in super::super) fn user(id: u128, person: &Person, is: &Principal, address: &Address) -> Document {
    document(json!({
        "url": address.to("users", id),
        "uuid": hex(id),
        "username": person.name,
        "full_name": person.name,
        "native_name": "",
        "first_name": "",
        "last_name": "",
        "email": "",
        "is_staff": is.is_operator(),
        "is_support": is.is_operator(),
        "is_active": true,
        "unix_username": person.name,
        "uid_number": person.uid.0,
        "primary_gid": person.gid.0,
    }))
}

/// Lists what there is, each with its address.
pub(in super::super) fn root(address: &Address) -> Document {
    let rooms = ["customers", "projects", "service-settings", "slurm-jobs"];
    rooms.iter().map(|room| ((*room).to_owned(), Value::from(address.of(room)))).collect()
}
