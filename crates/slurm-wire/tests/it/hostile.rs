//! Whatever a document holds, reading it ends, costs little, and never panics; what is written reads again.

use jiff::Zoned;
use proptest::prelude::*;
use slurm_wire::accounting::config::{SlurmdbdConfigResp, SlurmdbdConfigRespInput};
use slurm_wire::accounting::query::JobCondition;
use slurm_wire::job_change::KillJobsMsg;
use slurm_wire::job_desc::JobDescMsg;
use slurm_wire::job_info::JobInfoResp;
use slurm_wire::node::UpdateNodeMsg;
use slurm_wire::reservation::ReservationModReq;
use slurm_wire::schema::{Components, Schema};
use slurm_wire::submit::JobSubmitReq;
use slurm_wire::{Report, Value, Wire, json, parse, parse_reply, to_json};

fn now() -> Zoned {
    "2026-11-21T10:00:00+00:00[UTC]".parse().unwrap()
}

/// The names of all properties, so that random documents are not only unknown fields.
fn known_keys() -> Vec<String> {
    let mut components = Components::default();
    JobSubmitReq::schema(&mut components);
    SlurmdbdConfigResp::schema(&mut components);
    ReservationModReq::schema(&mut components);
    let mut keys = Vec::new();
    for (_, schema) in components.iter() {
        if let Schema::Object(object) = schema {
            keys.extend(object.properties.iter().map(|property| property.name.to_owned()));
        }
    }
    keys
}

fn document() -> impl Strategy<Value = Value<'static>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        "\\PC{0,12}".prop_map(|text| Value::String(text.into())),
        "[0-9:,n\\[\\]%+-]{0,8}".prop_map(|text| Value::String(text.into())),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        let key = prop_oneof![proptest::sample::select(known_keys()), "[a-z_]{0,6}"];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            proptest::collection::vec((key.prop_map(Into::into), inner), 0..8).prop_map(Value::Dict),
        ]
    })
}

fn read_every_way<T: Wire + Default + PartialEq>(document: &Value<'_>) {
    let mut report = Report::new(now());
    _ = parse::<T>(document, &mut report);
    assert!(report.errors.len() <= 1000 && report.warnings.len() <= 1000);
    let read: T = parse_reply(document);
    let written = String::from_utf8(to_json(&read)).unwrap();
    assert_eq!(written, serde_json::to_string(&read).unwrap());
    let again: T = parse_reply(&json::parse(&written).unwrap());
    assert_eq!(written, String::from_utf8(to_json(&again)).unwrap());
}

proptest! {
    #[test]
    fn no_document_is_too_odd(document in document()) {
        read_every_way::<JobSubmitReq>(&document);
        read_every_way::<JobDescMsg>(&document);
        read_every_way::<KillJobsMsg>(&document);
        read_every_way::<UpdateNodeMsg>(&document);
        read_every_way::<ReservationModReq>(&document);
        read_every_way::<SlurmdbdConfigRespInput>(&document);
        read_every_way::<SlurmdbdConfigResp>(&document);
        read_every_way::<JobInfoResp>(&document);
        _ = parse::<JobCondition>(&document, &mut Report::new(now()));
    }
}

#[test]
fn a_million_unknown_fields_leave_a_thousand_warnings() {
    let body = format!("{{{}}}", vec!["\"x\":1"; 1_000_000].join(","));
    let document = json::parse(&body).unwrap();
    let mut report = Report::new(now());
    assert!(parse::<JobDescMsg>(&document, &mut report).is_ok());
    assert_eq!(report.warnings.len(), 1000);
}
