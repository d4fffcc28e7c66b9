//! The document made from the tables is that of the original, operation by operation and property by property.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::fixtures::document;

fn ours() -> Value {
    slurm_wire::openapi::document("Slurm REST API", "0.0.44", slurm_wire::versions::CURRENT)
}

fn reference() -> Value {
    document("slurm-v0.0.44-openapi.json.zst")
}

fn seed() -> Value {
    document("slurm-v0.0.44-seed.json.zst")
}

/// Collects what differs, so that one run shows all of it.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn compare(&mut self, place: &str, ours: &Value, theirs: &Value) {
        if ours != theirs {
            self.0.push(format!("{place}: {ours} instead of {theirs}"));
        }
    }

    #[track_caller]
    fn assert_none(self) {
        assert!(self.0.is_empty(), "{} differences:\n{}", self.0.len(), self.0.join("\n"));
    }
}

/// The generator of the original repeats the fields of parts in `required` of the whole, with slashes.
fn without_noise(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| !name.as_str().unwrap().contains('/'));
        if required.is_empty() {
            schema.as_object_mut().unwrap().remove("required");
        }
    }
    for part in ["properties", "items"] {
        match schema.get_mut(part) {
            Some(Value::Object(properties)) if part == "properties" => {
                properties.values_mut().for_each(|property| *property = without_noise(property));
            }
            Some(items) => *items = without_noise(items),
            None => {}
        }
    }
    schema
}

#[test]
fn every_schema_is_that_of_the_reference() {
    let (ours, theirs) = (ours(), reference());
    let ours = ours["components"]["schemas"].as_object().unwrap();
    let theirs = theirs["components"]["schemas"].as_object().unwrap();
    let mut differences = Differences::default();
    for (name, schema) in theirs {
        let missing = Value::Null;
        let mine = ours.get(name).unwrap_or(&missing);
        let theirs = without_noise(schema);
        for part in ["type", "items", "required"] {
            differences.compare(&format!("{name}.{part}"), &mine[part], &theirs[part]);
        }
        let empty = serde_json::Map::new();
        let (mine, theirs) = (
            mine["properties"].as_object().unwrap_or(&empty),
            theirs["properties"].as_object().unwrap_or(&empty),
        );
        for key in mine.keys().chain(theirs.keys()) {
            let missing = json!("missing");
            let place = format!("{name}.{key}");
            differences.compare(
                &place,
                mine.get(key).unwrap_or(&missing),
                theirs.get(key).unwrap_or(&missing),
            );
        }
    }
    // The reference was taken without the operations of `util`.
    let of_util = ["v0.0.44_openapi_hostlist_req_resp", "v0.0.44_openapi_hostnames_req_resp"];
    for name in ours.keys().filter(|name| !theirs.contains_key(*name) && !of_util.contains(&name.as_str())) {
        differences.0.push(format!("{name}: not in the reference"));
    }
    differences.assert_none();
    assert_eq!(theirs.len(), 166);
}

#[test]
fn every_operation_is_that_of_the_reference() {
    let (ours, theirs) = (ours(), reference());
    let mut differences = Differences::default();
    let mut count = 0;
    let their_paths = theirs["paths"].as_object().unwrap();
    let our_paths = ours["paths"].as_object().unwrap().keys().filter(|path| !path.starts_with("/util/"));
    differences.compare("paths", &json!(our_paths.count()), &json!(their_paths.len()));
    for (path, operations) in their_paths {
        for (method, theirs) in operations.as_object().unwrap() {
            count += 1;
            let ours = &ours["paths"][path][method];
            let place = format!("{method} {path}");
            for part in ["operationId", "tags", "requestBody"] {
                differences.compare(&format!("{place} {part}"), &ours[part], &theirs[part]);
            }
            let sorted = |operation: &Value| {
                let mut parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
                parameters
                    .iter_mut()
                    .for_each(|parameter| drop(parameter.as_object_mut().unwrap().remove("description")));
                parameters.sort_by_key(|parameter| format!("{}{}", parameter["in"], parameter["name"]));
                Value::Array(parameters)
            };
            differences.compare(&format!("{place} parameters"), &sorted(ours), &sorted(theirs));
            for status in ["200", "default"] {
                let part = |operation: &Value| operation["responses"][status]["content"].clone();
                differences.compare(&format!("{place} {status}"), &part(ours), &part(theirs));
            }
        }
    }
    differences.assert_none();
    assert_eq!(count, 66);
}

/// Follows references and drops what the seed does not say, so that shapes can be compared.
fn shape(schema: &Value, schemas: &Value, depth: usize) -> Value {
    assert!(depth < 40, "a shape contains itself");
    if let Some(reference) = schema["$ref"].as_str() {
        return shape(&schemas[reference.rsplit('/').next().unwrap()], schemas, depth + 1);
    }
    match schema["type"].as_str() {
        Some("object") => {
            let properties = schema["properties"].as_object().cloned().unwrap_or_default();
            let shapes: BTreeMap<_, _> = properties
                .iter()
                .map(|(name, property)| (name.clone(), shape(property, schemas, depth + 1)))
                .collect();
            json!(shapes)
        }
        Some("array") => json!([shape(&schema["items"], schemas, depth + 1)]),
        kind => json!(format!("{} {}", kind.unwrap_or("any"), schema["format"].as_str().unwrap_or(""))),
    }
}

#[test]
fn every_operation_has_the_shapes_of_the_seed() {
    let (ours, theirs) = (ours(), seed());
    let mut differences = Differences::default();
    let mut count = 0;
    for (path, operations) in theirs["paths"].as_object().unwrap() {
        for (method, theirs_op) in operations.as_object().unwrap() {
            count += 1;
            let ours_op = &ours["paths"][path][method];
            let place = format!("{method} {path}");
            let json = |part: &Value| part["content"]["application/json"]["schema"].clone();
            for part in ["requestBody", "200", "default"] {
                let find = |operation: &Value| match part {
                    "requestBody" => json(&operation[part]),
                    status => json(&operation["responses"][status]),
                };
                let mine = shape(&find(ours_op), &ours["components"]["schemas"], 0);
                let their = shape(&find(theirs_op), &theirs["components"]["schemas"], 0);
                differences.compare(&format!("{place} {part}"), &mine, &their);
            }
            let names = |operation: &Value| {
                let empty = Vec::new();
                let parameters = operation["parameters"].as_array().unwrap_or(&empty);
                let mut names: Vec<String> = parameters
                    .iter()
                    .map(|parameter| {
                        format!("{} {} {}", parameter["in"], parameter["name"], parameter["required"])
                    })
                    .collect();
                names.sort();
                json!(names)
            };
            differences.compare(&format!("{place} parameters"), &names(ours_op), &names(theirs_op));
        }
    }
    differences.assert_none();
    assert_eq!(count, 66);
}

/// Every object of the seed that has a name of its own is one of ours, with the same properties in it.
#[test]
fn every_named_object_of_the_seed_is_ours() {
    let (ours, theirs) = (ours(), seed());
    let mut differences = Differences::default();
    let ours = &ours["components"]["schemas"];
    let theirs = &theirs["components"]["schemas"];
    for (name, schema) in theirs.as_object().unwrap().iter().filter(|(name, _)| name.starts_with("v0.0.44_"))
    {
        differences.compare(name, &shape(&ours[name], ours, 0), &shape(schema, theirs, 0));
    }
    differences.assert_none();
}
