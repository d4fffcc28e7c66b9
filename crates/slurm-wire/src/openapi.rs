//! The OpenAPI 3.0.3 document of the interface, made from the tables.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::operations::Operation;
use crate::schema::{Components, Property, Schema};
use crate::versions::Version;

/// Returns the document of one version; `release` is what `info.version` says.
pub fn document(title: &str, release: &str, version: &'static Version) -> Json {
    let mut components = Components::of(version);
    let mut paths: BTreeMap<String, Map<String, Json>> = BTreeMap::new();
    for operation in Operation::all(version) {
        let described = describe(operation, &mut components);
        paths
            .entry(operation.path_in(version))
            .or_default()
            .insert(operation.method.to_ascii_lowercase(), described);
    }
    json!({
        "openapi": "3.0.3",
        "info": {"title": title, "version": release},
        "servers": [{"url": "/"}],
        "security": [{"user": [], "token": []}, {"token": []}, {"bearerAuth": []}, {}],
        "tags": [{"name": "slurm"}, {"name": "slurmdb"}, {"name": "util"}, {"name": "openapi"}],
        "paths": paths,
        "components": {
            "schemas": to_json(&components),
            "securitySchemes": {
                "user": {"type": "apiKey", "name": "X-SLURM-USER-NAME", "in": "header"},
                "token": {"type": "apiKey", "name": "X-SLURM-USER-TOKEN", "in": "header"},
                "bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    })
}

fn to_json(value: &impl Serialize) -> Json {
    // Schemas consist of texts, lists and maps with text keys; nothing of that fails.
    serde_json::to_value(value).unwrap_or_default()
}

fn describe(operation: &Operation, components: &mut Components) -> Json {
    let version = components.version();
    let answer = content(&operation.answer(components), version);
    let mut described = Map::new();
    if version.is_deprecated {
        described.insert("deprecated".into(), json!(true));
    }
    described.insert("tags".into(), json!([operation.tag()]));
    described.insert("operationId".into(), json!(operation.id_in(version)));
    let in_path = operation.path_parameters().map(path_parameter);
    let in_query = operation.query_parameters(version);
    let mut parameters: Vec<Json> = in_path.chain(in_query.iter().map(query_parameter)).collect();
    if version.is_deprecated {
        parameters.iter_mut().for_each(|parameter| parameter["deprecated"] = json!(true));
    }
    if !parameters.is_empty() {
        described.insert("parameters".into(), Json::Array(parameters));
    }
    if let Some(body) = operation.body(components) {
        described.insert("requestBody".into(), json!({"content": content(&body, version)}));
    }
    let response = json!({"description": "the answer, good or bad", "content": answer});
    described.insert("responses".into(), json!({"200": response, "default": response}));
    Json::Object(described)
}

fn content(schema: &Schema, version: &'static Version) -> Json {
    let schema = to_json(&schema.shown(version));
    json!({"application/json": {"schema": schema}, "application/yaml": {"schema": schema}})
}

fn path_parameter(name: &str) -> Json {
    json!({
        "in": "path", "name": name, "style": "simple", "explode": false,
        "allowEmptyValue": false, "allowReserved": false, "required": true, "schema": {"type": "string"},
    })
}

/// All parameters are texts; switches may stand without a value, lists of words may be repeated.
fn query_parameter(property: &Property) -> Json {
    let schema = match &property.schema {
        Schema::Array(items) => match items.as_ref() {
            Schema::Enumeration(words) => json!({"type": "string", "enum": words}),
            _ => json!({"type": "string"}),
        },
        _ => json!({"type": "string"}),
    };
    let mut parameter = json!({
        "in": "query", "name": property.name, "style": "form", "explode": false,
        "allowEmptyValue": property.schema == Schema::Boolean, "allowReserved": false, "required": false, "schema": schema,
    });
    if let (true, Json::Object(parameter)) = (property.deprecated, &mut parameter) {
        parameter.insert("deprecated".into(), Json::Bool(true));
    }
    parameter
}
