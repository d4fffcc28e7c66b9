//! The description of the tables at run time, from which an OpenAPI 3.0.3 document is made.
//! Says nothing about behaviour; how a type reads and writes itself is `wire.rs`.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// What all component names begin with.
pub const VERSION: &str = "v0.0.44";

/// The shape of one value.
#[derive(Clone, Debug, PartialEq)]
pub enum Schema {
    /// `{}`: anything.
    Any,
    /// Text.
    String,
    /// A truth value.
    Boolean,
    /// A whole number with its format, `int32` or `int64`.
    Integer(&'static str),
    /// A number with its format, if it has one.
    Number(Option<&'static str>),
    /// One of these words; an empty list leaves it open.
    Enumeration(&'static [&'static str]),
    /// A list.
    Array(Box<Schema>),
    /// An object described in place.
    Object(ObjectSchema),
    /// A component, by its name without version.
    Component(&'static str),
}

/// The shape of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectSchema {
    /// The name without version; for objects described in place the name that the older document gives them.
    pub name: &'static str,
    /// The properties in the order they are written.
    pub properties: Vec<Property>,
}

/// One property of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// The name on the wire.
    pub name: &'static str,
    /// The shape of its value.
    pub schema: Schema,
    /// Whether it must be present.
    pub required: bool,
    /// Whether it is of no use any more.
    pub deprecated: bool,
}

/// All named shapes that were met so far.
#[derive(Debug, Default)]
pub struct Components {
    named: BTreeMap<&'static str, Schema>,
}

impl Components {
    /// Returns a reference to the component `name`, making it first if it is new.
    pub fn define(&mut self, name: &'static str, make: impl FnOnce(&mut Components) -> Schema) -> Schema {
        if !self.named.contains_key(name) {
            // A placeholder ends the recursion of shapes that contain themselves.
            self.named.insert(name, Schema::Any);
            let schema = make(self);
            self.named.insert(name, schema);
        }
        Schema::Component(name)
    }

    /// Returns the component of that name (without version).
    pub fn get(&self, name: &str) -> Option<&Schema> {
        self.named.get(name)
    }

    /// Returns the components that are objects.
    pub fn into_objects(self) -> Vec<ObjectSchema> {
        let objects = self.named.into_values().filter_map(|schema| match schema {
            Schema::Object(object) => Some(object),
            _ => None,
        });
        objects.collect()
    }

    /// Goes through all components by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Schema)> {
        self.named.iter().map(|(name, schema)| (*name, schema))
    }
}

/// Writes the value of `components.schemas` of an OpenAPI document.
impl Serialize for Components {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.named.iter().map(|(name, schema)| (format!("{VERSION}_{name}"), schema)))
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_schema(self, false, serializer)
    }
}

fn write_schema<S: Serializer>(schema: &Schema, deprecated: bool, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    match schema {
        Schema::Any => {}
        Schema::String => map.serialize_entry("type", "string")?,
        Schema::Boolean => map.serialize_entry("type", "boolean")?,
        Schema::Integer(format) => {
            map.serialize_entry("type", "integer")?;
            map.serialize_entry("format", format)?;
        }
        Schema::Number(format) => {
            map.serialize_entry("type", "number")?;
            if let Some(format) = format {
                map.serialize_entry("format", format)?;
            }
        }
        Schema::Enumeration(words) => {
            map.serialize_entry("type", "string")?;
            if !words.is_empty() {
                map.serialize_entry("enum", words)?;
            }
        }
        Schema::Array(items) => {
            map.serialize_entry("type", "array")?;
            map.serialize_entry("items", items)?;
        }
        Schema::Object(object) => {
            map.serialize_entry("type", "object")?;
            map.serialize_entry("properties", &Properties(&object.properties))?;
            let required: Vec<&str> = object
                .properties
                .iter()
                .filter(|property| property.required)
                .map(|property| property.name)
                .collect();
            // An empty list is not allowed by OpenAPI 3.0.
            if !required.is_empty() {
                map.serialize_entry("required", &required)?;
            }
        }
        Schema::Component(name) => {
            map.serialize_entry("$ref", &format_args!("#/components/schemas/{VERSION}_{name}"))?;
        }
    }
    if deprecated {
        map.serialize_entry("deprecated", &true)?;
    }
    map.end()
}

struct Properties<'a>(&'a [Property]);

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|property| (property.name, Marked(property))))
    }
}

struct Marked<'a>(&'a Property);

impl Serialize for Marked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_schema(&self.0.schema, self.0.deprecated, serializer)
    }
}
