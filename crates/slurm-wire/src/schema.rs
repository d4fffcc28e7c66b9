//! The description of the tables at run time, from which an OpenAPI 3.0.3 document is made.
//! Says nothing about behaviour; how a type reads and writes itself is `wire.rs`.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::versions::{self, Version};

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
    Enumeration(Vec<&'static str>),
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
#[derive(Debug)]
pub struct Components {
    version: &'static Version,
    named: BTreeMap<&'static str, Schema>,
}

impl Default for Components {
    fn default() -> Self {
        Components::of(versions::CURRENT)
    }
}

impl Components {
    /// Starts with the shapes of that version.
    pub fn of(version: &'static Version) -> Self {
        Components { version, named: BTreeMap::new() }
    }

    /// Returns the version.
    pub fn version(&self) -> &'static Version {
        self.version
    }

    /// Returns a property of `object` as it is in this version, if it is.
    pub(crate) fn in_version(
        &self,
        object: &str,
        mut property: Property,
        is_later: bool,
    ) -> Option<Property> {
        let (version, name) = (self.version, property.name);
        if is_later && !version.is_later || version.lacks(object, name) {
            return None;
        }
        property.schema = version.retyped(object, name).unwrap_or(property.schema);
        property.deprecated = version.deprecation(object, name).unwrap_or(property.deprecated);
        property.required = version.requirement(object, name).unwrap_or(property.required);
        Some(property)
    }

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
        let version = self.version;
        let shown = self.named.iter().map(|(name, schema)| {
            (format!("{}_{name}", version.name), Shown { schema, deprecated: false, version })
        });
        serializer.collect_map(shown)
    }
}

impl Schema {
    /// Returns the schema as a document of that version shows it.
    pub fn shown(&self, version: &'static Version) -> impl Serialize + '_ {
        Shown { schema: self, deprecated: false, version }
    }
}

struct Shown<'a> {
    schema: &'a Schema,
    deprecated: bool,
    version: &'static Version,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let version = self.version;
        let mut map = serializer.serialize_map(None)?;
        match self.schema {
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
                map.serialize_entry("items", &items.shown(version))?;
            }
            Schema::Object(object) => {
                map.serialize_entry("type", "object")?;
                map.serialize_entry("properties", &Properties(&object.properties, version))?;
                let required = object.properties.iter().filter(|property| property.required);
                let required: Vec<&str> = required.map(|property| property.name).collect();
                // An empty list is not allowed by OpenAPI 3.0.
                if !required.is_empty() {
                    map.serialize_entry("required", &required)?;
                }
            }
            Schema::Component(name) => {
                let place = format_args!("#/components/schemas/{}_{name}", version.name);
                map.serialize_entry("$ref", &place)?;
            }
        }
        if self.deprecated {
            map.serialize_entry("deprecated", &true)?;
        }
        map.end()
    }
}

struct Properties<'a>(&'a [Property], &'static Version);

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Properties(properties, version) = *self;
        serializer.collect_map(properties.iter().map(|property| {
            let deprecated = property.deprecated;
            (property.name, Shown { schema: &property.schema, deprecated, version })
        }))
    }
}
