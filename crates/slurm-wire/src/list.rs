//! Named lists: of objects, of texts, of host names. They differ in how forgiving they are of what is no list.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use compact_str::format_compact;
use serde::{Serialize, Serializer};

use crate::error_number as number;
use crate::out::Out;
use crate::place::Place;
use crate::report::{Report, Stop};
use crate::scalar::{Text, documented};
use crate::schema::{Components, Schema};
use crate::value::{Entries, Value};
use crate::wire::Wire;
use crate::write_json;

/// How a kind of list is named and read.
pub trait ListKind {
    /// The component's name.
    const COMPONENT: &'static str;

    /// Reads a value that may be a list.
    ///
    /// # Errors
    /// [`Stop`] if it cannot be taken for one.
    fn read<T: Wire>(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Vec<T>>, Stop>;
}

/// A list that is a named component of its own.
pub struct List<T, K> {
    items: Vec<T>,
    kind: PhantomData<K>,
}

impl<T, K> List<T, K> {
    /// Returns the entries.
    pub fn into_vec(self) -> Vec<T> {
        self.items
    }
}

impl<T, K> Deref for List<T, K> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.items
    }
}

impl<T, K> DerefMut for List<T, K> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.items
    }
}

impl<T, K> From<Vec<T>> for List<T, K> {
    fn from(items: Vec<T>) -> Self {
        List { items, kind: PhantomData }
    }
}

impl<T, K> FromIterator<T> for List<T, K> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Vec::from_iter(items).into()
    }
}

impl<T, K> IntoIterator for List<T, K> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, T, K> IntoIterator for &'a List<T, K> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<T, K> Default for List<T, K> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T: Clone, K> Clone for List<T, K> {
    fn clone(&self) -> Self {
        self.items.clone().into()
    }

    fn clone_from(&mut self, other: &Self) {
        self.items.clone_from(&other.items);
    }
}

impl<T: PartialEq, K> PartialEq for List<T, K> {
    fn eq(&self, other: &Self) -> bool {
        self.items == other.items
    }
}

impl<T: fmt::Debug, K> fmt::Debug for List<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items.fmt(f)
    }
}

impl<T: Serialize, K> Serialize for List<T, K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.items.serialize(serializer)
    }
}

impl<T: Wire, K: ListKind> Wire for List<T, K> {
    type Input = List<T::Input, K>;

    fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        Ok(K::read(value, at, report)?.map(Self::from))
    }

    fn schema(components: &mut Components) -> Schema {
        components.define(K::COMPONENT, |components| Schema::Array(Box::new(T::schema(components))))
    }

    fn write(&self, out: &mut Out) {
        write_json::list(&self.items, out, |item, out| item.write(out));
    }
}

/// Reads each entry of a list at its own place.
pub(crate) fn entries<T: Wire>(
    values: &[Value<'_>],
    at: &Place<'_>,
    report: &mut Report,
) -> Result<Vec<T>, Stop> {
    let mut items = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        items.extend(T::parse(value, &at.index(index), report)?);
    }
    Ok(items)
}

/// The usual list: of a scalar the parts between commas are the entries.
pub(crate) fn read_plain<T: Wire>(
    value: &Value<'_>,
    at: &Place<'_>,
    report: &mut Report,
) -> Result<Option<Vec<T>>, Stop> {
    match value {
        Value::List(values) => entries(values, at, report).map(Some),
        Value::Null if report.is_lenient() => Ok(None),
        Value::Dict(_) => report.refuse(at, number::LIST_EXPECTED, || {
            format_compact!("Expected List but found a {}", value.kind())
        }),
        scalar => {
            let text = scalar.to_text().unwrap_or_default();
            let parts: Vec<_> = text.split(',').map(|part| Value::String(part.into())).collect();
            entries(&parts, at, report).map(Some)
        }
    }
}

/// A list of TRES: nothing but a list will do.
pub(crate) fn read_strict<T: Wire>(
    value: &Value<'_>,
    at: &Place<'_>,
    report: &mut Report,
) -> Result<Option<Vec<T>>, Stop> {
    match value {
        Value::List(values) => entries(values, at, report).map(Some),
        other => report.refuse(at, number::LIST_EXPECTED, || {
            format_compact!("TRES should be LIST but is type {}", other.kind())
        }),
    }
}

/// Declares kinds of list and the lists of them: `Name of Entry = "component", reader;`.
macro_rules! lists {
    ($($(#[$meta:meta])* $name:ident, $kind:ident of $item:ty = $wire:literal, $read:path;)*) => {$(
        #[doc = concat!("How `", $wire, "` is named and read.")]
        #[derive(Clone, Copy, Debug)]
        pub enum $kind {}

        impl $crate::list::ListKind for $kind {
            const COMPONENT: &'static str = $wire;

            fn read<T: $crate::wire::Wire>(
                value: &$crate::value::Value<'_>,
                at: &$crate::place::Place<'_>,
                report: &mut $crate::report::Report,
            ) -> Result<Option<Vec<T>>, $crate::report::Stop> {
                $read(value, at, report)
            }
        }

        $(#[$meta])*
        pub type $name = $crate::list::List<$item, $kind>;
    )*};
}

pub(crate) use lists;

/// Declares lists of texts, each with a reader of its own.
macro_rules! text_lists {
    ($($(#[$meta:meta])* $name:ident = $wire:literal, $read:path;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub Vec<Text>);

        impl $name {
            /// Returns the entries with commas between them.
            pub fn joined(&self) -> String {
                self.0.join(",")
            }
        }

        impl Deref for $name {
            type Target = Vec<Text>;

            fn deref(&self) -> &Vec<Text> {
                &self.0
            }
        }

        impl DerefMut for $name {
            fn deref_mut(&mut self) -> &mut Vec<Text> {
                &mut self.0
            }
        }

        impl From<Vec<Text>> for $name {
            fn from(texts: Vec<Text>) -> Self {
                $name(texts)
            }
        }

        impl<T: Into<Text>> FromIterator<T> for $name {
            fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> Self {
                $name(texts.into_iter().map(Into::into).collect())
            }
        }

        impl Wire for $name {
            type Input = Self;

            fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
                Ok($read(value, at, report)?.map($name))
            }

            fn schema(components: &mut Components) -> Schema {
                components.define($wire, |_| Schema::Array(Box::new(Schema::String)))
            }

            fn write(&self, out: &mut Out) {
                write_json::list(&self.0, out, |text, out| write_json::text(text, out));
            }
        }
    )*};
}

text_lists! {
    /// Texts such as environment or arguments; entries may be any scalar.
    StringArray = "string_array", read_string_array;
    /// Texts that Slurm holds with commas between them.
    CsvString = "csv_string", read_csv;
    /// Host names and host lists, checked for their brackets.
    HostlistString = "hostlist_string", read_hostlist;
    /// Host names that a reply gives.
    Hostlist = "hostlist", read_texts;
    /// Texts of a reply, or names in a condition.
    StringList = "string_list", read_texts;
    /// The generic resources of each node of a job.
    JobInfoGresDetail = "job_info_gres_detail", read_texts;
    /// Job ids and expressions of array tasks to be cancelled.
    KillJobsMsgJobsArray = "kill_jobs_msg_jobs_array", read_kill_jobs;
    /// Names of QOS that may be preempted.
    QosPreemptList = "qos_preempt_list", read_preempted;
    /// Names of QOS, with `+` or `-` in front to add or take away.
    QosStringIdList = "qos_string_id_list", read_qos;
    /// Job ids, with step or array task.
    SelectedStepList = "selected_step_list", read_selected_steps;
    /// Job ids of a query, one a parameter.
    SelectedJobs = "selected_jobs", read_selected_jobs;
    /// Names in a condition; each parameter may hold several between commas.
    ConditionList = "condition_list", read_condition;
}

type Texts = Result<Option<Vec<Text>>, Stop>;

fn read_texts(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Texts {
    match value {
        Value::List(values) => Ok(Some(values.iter().filter_map(Value::to_text).map(Text::new).collect())),
        other => read_plain(other, at, report),
    }
}

fn read_string_array(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Texts {
    match value {
        Value::List(values) => scalars(values, at, report),
        Value::Null => Ok(None),
        other => {
            report.expected(at, documented::LIST, other);
            match other {
                Value::Dict(entries) => pairs(entries, at, report),
                _ => report.refuse(at, number::LIST_EXPECTED, || {
                    format_compact!("expected a list of strings but got {other}")
                }),
            }
        }
    }
}

fn scalars(values: &[Value<'_>], at: &Place<'_>, report: &mut Report) -> Texts {
    let mut texts = Vec::with_capacity(values.len());
    for value in values {
        match value.to_text() {
            Some(text) => texts.push(Text::new(text)),
            None => return not_a_text(value, at, report),
        }
    }
    Ok(Some(texts))
}

/// A dictionary gives `key=value`.
fn pairs(entries: &Entries<'_>, at: &Place<'_>, report: &mut Report) -> Texts {
    let mut texts = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        match value.to_text() {
            Some(text) => texts.push(format_compact!("{key}={text}")),
            None => return not_a_text(value, at, report),
        }
    }
    Ok(Some(texts))
}

fn not_a_text(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Texts {
    report.refuse(at, number::NOT_CONVERTIBLE, || format_compact!("expected string but got {value}"))
}

fn read_csv(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Texts {
    let values = match value {
        Value::Null => return Ok(None),
        Value::List(values) => values,
        other => {
            report.expected(at, documented::LIST, other);
            return match other {
                // Joined and divided like everything else, so that what is written is read again as the same.
                Value::Dict(entries) => {
                    let pairs = pairs(entries, at, report)?;
                    Ok(pairs.map(|pairs| split_outside_brackets(&pairs.join(","))))
                }
                scalar => Ok(scalar.to_text().map(|text| entries_of(&text))),
            };
        }
    };
    if values.is_empty() {
        return Ok(Some(Vec::new()));
    }
    // The entries are joined before they are divided, so that brackets may reach over them.
    let mut joined = String::new();
    for (place, value) in values.iter().enumerate() {
        let Some(text) = value.to_text() else {
            return report.refuse(at, number::NOT_CONVERTIBLE, || {
                format_compact!("unable to convert csv entry {} to string", value.kind())
            });
        };
        if place > 0 {
            joined.push(',');
        }
        joined.push_str(&text);
    }
    Ok(Some(entries_of(&joined)))
}

/// Returns the entries of a text: one that is empty if the text is, which is more than none where it takes something away.
fn entries_of(text: &str) -> Vec<Text> {
    if text.is_empty() { vec![Text::default()] } else { split_outside_brackets(text) }
}

/// Splits at commas, except inside the brackets of a host list; the empty text has no parts.
pub(crate) fn split_outside_brackets(text: &str) -> Vec<Text> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut depth = 0_u32;
    text.split(|letter| {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    })
    .map(Text::new)
    .collect()
}

/// Returns the parts of a host list; nothing between two commas is no host.
fn hosts_of(text: &str) -> impl Iterator<Item = Text> {
    split_outside_brackets(text).into_iter().filter(|part| !part.is_empty())
}

fn read_hostlist(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Texts {
    match value {
        Value::Null => Ok(None),
        Value::List(values) => {
            let mut hosts = Vec::with_capacity(values.len());
            for value in values {
                match value.to_text() {
                    Some(text) if !text.is_empty() && crate::hostlist::is_well_formed(&text) => {
                        hosts.extend(hosts_of(&text));
                    }
                    Some(text) => {
                        return report.refuse(at, number::INVALID_DATA, || {
                            format_compact!("Invalid host string: {text}")
                        });
                    }
                    None => return no_host(value, at, report),
                }
            }
            Ok(Some(hosts))
        }
        other => {
            report.expected(at, documented::LIST, other);
            match other {
                Value::String(text) if crate::hostlist::is_well_formed(text) => {
                    Ok(Some(hosts_of(text).collect()))
                }
                Value::String(text) => report
                    .refuse(at, number::INVALID_DATA, || format_compact!("Invalid hostlist string: {text}")),
                _ => no_host(other, at, report),
            }
        }
    }
}

fn no_host(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Texts {
    report.refuse(at, number::INVALID_DATA, || format_compact!("string expected but got {value}"))
}

fn read_kill_jobs(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Texts {
    if report.is_lenient() {
        return read_texts(value, at, report);
    }
    let Value::List(values) = value else {
        if !matches!(value, Value::Null) {
            report.expected(at, documented::LIST, value);
        }
        if matches!(value, Value::Dict(_)) {
            report.expected(at, documented::STRING, value);
            return report
                .refuse(at, number::NOT_CONVERTIBLE, || format_compact!("Expecting string but got {value}"));
        }
        let description = format_compact!("Unexpected type {} when expecting a list", value.kind());
        report.error(number::NOT_CONVERTIBLE, description, "_parse_KILL_JOBS_MSG_JOBS_ARRAY");
        return Err(Stop);
    };
    // The original names the list, not the entry, as the place.
    let mut ids = Vec::with_capacity(values.len());
    for value in values {
        ids.push(Text::parse(value, at, report)?.unwrap_or_default());
    }
    Ok(Some(ids))
}

fn read_preempted(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Texts {
    match value {
        Value::List(values) => scalars(values, at, report),
        Value::Null => Ok(None),
        other => {
            report.expected(at, documented::LIST, other);
            report.expected(at, documented::LIST, other);
            report.stop()
        }
    }
}

fn read_qos(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Texts {
    match value {
        Value::List(values) => scalars(values, at, report),
        Value::Null => Ok(None),
        other => {
            report.expected(at, documented::LIST, other);
            report.stop()
        }
    }
}

fn read_selected_steps(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Texts {
    let ids: Option<Vec<Text>> = read_plain(value, at, report)?;
    if let Some(ids) = &ids
        && !ids.iter().all(|id| names_one(id))
    {
        return report.stop();
    }
    Ok(ids)
}

/// Returns whether a text names one job, task or step; expressions of tasks are for cancelling only.
fn names_one(id: &str) -> bool {
    !id.contains('[')
        && id
            .parse::<crate::job_ids::SelectedStep>()
            .is_ok_and(|id| id.tasks.is_none() || id.task().is_some())
}

fn read_selected_jobs(value: &Value<'_>, _: &Place<'_>, report: &mut Report) -> Texts {
    let one = std::slice::from_ref(value);
    let values = if let Value::List(values) = value { values.as_slice() } else { one };
    let mut ids = Vec::with_capacity(values.len());
    for value in values {
        match value.to_text() {
            Some(text) if names_one(&text) => ids.push(Text::new(text)),
            _ => return report.stop(),
        }
    }
    Ok(Some(ids))
}

fn read_condition(value: &Value<'_>, _: &Place<'_>, _: &mut Report) -> Texts {
    let one = std::slice::from_ref(value);
    let values = if let Value::List(values) = value { values.as_slice() } else { one };
    let texts = values.iter().filter_map(Value::to_text);
    let parts = texts.flat_map(|text| split_outside_brackets(&text));
    // An empty name is the name of nothing.
    Ok(Some(parts.filter(|part| !part.is_empty()).collect()))
}
