//! Every operation, parameter and property of the interface is touched by a recorded conversation, or by one of
//! `beyond.jsonl` and `beyond-accounting.jsonl`, which the tests of quintet hold with a real service, or listed as not.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use slurm_wire::operations::Operation;
use slurm_wire::versions::CURRENT;

use crate::fixtures::operation;

fn conformance(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/slurm").join(name)).unwrap()
}

/// What there is, or what was touched of it.
type Things = BTreeSet<String>;

struct Interface {
    document: Value,
}

impl Interface {
    fn described(&self, operation: &Operation) -> &Value {
        &self.document["paths"][operation.path_in(CURRENT)][operation.method.to_ascii_lowercase()]
    }

    fn schema<'a>(&'a self, part: &'a Value) -> &'a Value {
        &part["content"]["application/json"]["schema"]
    }

    /// Follows a reference; a component has a name of its own, what is described in place its owner's.
    fn resolved<'a>(&'a self, schema: &'a Value, name: String) -> (&'a Value, String) {
        match schema["$ref"].as_str().and_then(|place| place.rsplit('/').next()) {
            None => (schema, name),
            Some(of) => {
                let own = of.trim_start_matches(CURRENT.name).trim_start_matches('_');
                (&self.document["components"]["schemas"][of], own.to_owned())
            }
        }
    }

    /// Collects the properties of a schema.
    fn properties(&self, schema: &Value, name: String, seen: &mut BTreeSet<String>, all: &mut Things) {
        let is_component = schema["$ref"].is_string();
        let (schema, name) = self.resolved(schema, name);
        if is_component && !seen.insert(name.clone()) {
            return;
        }
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            let property_name = format!("{name}.{key}");
            all.insert(property_name.clone());
            self.properties(property, property_name, seen, all);
        }
        if schema["type"] == "array" {
            self.properties(&schema["items"], name, seen, all);
        }
    }

    /// Collects the properties that a document has.
    fn touched(&self, schema: &Value, name: String, document: &Value, touched: &mut Things) {
        let (schema, name) = self.resolved(schema, name);
        for (key, value) in document.as_object().into_iter().flatten() {
            if let Some(property) = schema["properties"].get(key) {
                let property_name = format!("{name}.{key}");
                touched.insert(property_name.clone());
                self.touched(property, property_name, value, touched);
            }
        }
        for value in document.as_array().into_iter().flatten() {
            self.touched(&schema["items"], name.clone(), value, touched);
        }
    }

    fn all(&self) -> Things {
        let (mut all, mut seen) = (Things::new(), BTreeSet::new());
        // The recorded slurmrestd had no part `util`; the tests of dialects speak with it.
        for operation in Operation::all(CURRENT).filter(|operation| operation.tag() != "util") {
            let place = format!("{} {}", operation.method, operation.path);
            all.extend(
                operation
                    .query_parameters(CURRENT)
                    .iter()
                    .map(|parameter| format!("{place} ?{}", parameter.name)),
            );
            all.insert(place);
            let described = self.described(operation);
            for part in [&described["requestBody"], &described["responses"]["200"]] {
                self.properties(self.schema(part), String::new(), &mut seen, &mut all);
            }
        }
        all
    }

    fn touched_by(&self, exchange: &Value, touched: &mut Things) {
        let request = &exchange["request"];
        let (Some(method), Some(target)) = (request["method"].as_str(), request["path"].as_str()) else {
            return;
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if !path.contains(CURRENT.name) {
            return;
        }
        let Some(operation) = operation(method, path) else { return };
        let place = format!("{} {}", operation.method, operation.path);
        for parameter in query.split('&').filter_map(|parameter| parameter.split('=').next()) {
            touched.insert(format!(
                "{place} ?{}",
                parameter.replace("%20", " ").replace("%2F", "/").replace('+', " ")
            ));
        }
        touched.insert(place);
        let described = self.described(operation);
        for (part, document) in [
            (&described["requestBody"], &request["json"]),
            (&described["responses"]["200"], &exchange["response"]["json"]),
        ] {
            self.touched(self.schema(part), String::new(), document, touched);
        }
    }
}

#[test]
fn what_is_published_is_touched_or_listed() {
    let interface = Interface { document: slurm_wire::openapi::document("Slurm REST API", "x", CURRENT) };
    let recorded = zstd::decode_all(conformance("golden.jsonl.zst").as_slice()).unwrap();
    let listed = String::from_utf8(conformance("untouched.txt")).unwrap();
    let listed: BTreeSet<&str> =
        listed.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let mut touched = Things::new();
    for exchanges in [recorded, conformance("beyond.jsonl"), conformance("beyond-accounting.jsonl")] {
        for line in String::from_utf8(exchanges).unwrap().lines() {
            interface.touched_by(&serde_json::from_str(line).unwrap(), &mut touched);
        }
    }
    let needless: Vec<&&str> = listed.iter().filter(|line| touched.contains(**line)).collect();
    assert!(needless.is_empty(), "touched and listed: {needless:#?}");
    let all = interface.all();
    let unknown: Vec<&&str> = listed.iter().filter(|line| !all.contains(**line)).collect();
    assert!(unknown.is_empty(), "there is nothing like {unknown:#?}");
    let missed: Vec<&String> =
        all.iter().filter(|thing| !touched.contains(*thing) && !listed.contains(thing.as_str())).collect();
    assert!(missed.is_empty(), "{} things that nothing touches: {missed:#?}", missed.len());
    // Of 1,541 things; the list shrinks, and this number with it.
    assert!(all.len() > 1500 && listed.len() < 15, "{} things, {} listed", all.len(), listed.len());
}
