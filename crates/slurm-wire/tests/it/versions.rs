//! The document of every version has the operations, parameters and shapes that a slurmrestd of Slurm 26.05 gives it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use slurm_wire::versions::{self, Version};

use crate::fixtures::document;

/// Operations that change or show the configuration of a cluster: not served, and so not described.
const NOT_SERVED: &[&str] = &[
    "delete /slurm/v0.0.45/partition/{partition_name}",
    "get /slurm/v0.0.45/conf",
    "get /slurmdb/v0.0.45/conf",
    "post /slurm/v0.0.45/partitions/",
];

/// Writes a schema as one line a value: where it is, and what it is. References are followed.
fn lines(schema: &Value, schemas: &Value, place: &str, out: &mut BTreeSet<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        let mark = if schema["deprecated"] == true { " deprecated" } else { "" };
        if !mark.is_empty() {
            out.insert(format!("{place}{mark}"));
        }
        return lines(&schemas[name], schemas, place, out);
    }
    if schema["deprecated"] == true {
        out.insert(format!("{place} deprecated"));
    }
    let kind = schema["type"].as_str().unwrap_or("any");
    let mut words: Vec<&str> =
        schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    words.sort_unstable();
    out.insert(format!("{place} {kind} {} {}", schema["format"].as_str().unwrap_or(""), words.join(",")));
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        lines(property, schemas, &format!("{place}/{name}"), out);
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        // The generator of the original repeats the fields of parts in `required` of the whole, with slashes.
        if !name.contains('/') {
            out.insert(format!("{place}/{name} required"));
        }
    }
    if kind == "array" {
        lines(&schema["items"], schemas, &format!("{place}[]"), out);
    }
}

fn operation(operation: &Value, schemas: &Value) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let json = |part: &Value| part["content"]["application/json"]["schema"].clone();
    out.insert(format!("id {}", operation["operationId"]));
    out.insert(format!("deprecated {}", operation["deprecated"]));
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let mut parameter = parameter.clone();
        parameter.as_object_mut().unwrap().remove("description");
        out.insert(format!("parameter {parameter}"));
    }
    if !operation["requestBody"].is_null() {
        lines(&json(&operation["requestBody"]), schemas, "body", &mut out);
    }
    for status in ["200", "default"] {
        lines(&json(&operation["responses"][status]), schemas, status, &mut out);
    }
    out
}

fn operations(document: &Value, version: &Version) -> BTreeMap<String, BTreeSet<String>> {
    let schemas = &document["components"]["schemas"];
    let of_version = format!("/{}/", version.name);
    let paths = document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.contains(&of_version));
    let described = paths.flat_map(|(path, operations)| {
        let operations = operations.as_object().unwrap().iter();
        operations.map(move |(method, described)| (format!("{method} {path}"), operation(described, schemas)))
    });
    described.collect()
}

#[test]
fn every_version_is_described_as_the_original_describes_it() {
    let theirs = document("slurm-versions-openapi.json.zst");
    let mut differences = Vec::new();
    for version in versions::ALL {
        let ours = slurm_wire::openapi::document("Slurm REST API", "x", version);
        let (ours, theirs) = (operations(&ours, version), operations(&theirs, version));
        for name in ours.keys().filter(|name| !theirs.contains_key(*name)) {
            differences.push(format!("{name} is only ours"));
        }
        for (name, theirs) in &theirs {
            match ours.get(name) {
                None if NOT_SERVED.contains(&name.as_str()) => {}
                None => differences.push(format!("{name} is missing")),
                Some(ours) => {
                    differences.extend(ours.difference(theirs).map(|line| format!("{name} + {line}")));
                    differences.extend(theirs.difference(ours).map(|line| format!("{name} - {line}")));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
}
