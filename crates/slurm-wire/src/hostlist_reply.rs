//! Host lists and the names they stand for, as questions and answers: each is the other's question.

use compact_str::format_compact;
use serde::Serialize;

use crate::envelope::{Errors, Meta, Warnings};
use crate::error_number as number;
use crate::hostlist;
use crate::list::HostlistString;
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::out::Out;
use crate::place::Place;
use crate::report::{Report, Stop};
use crate::scalar::Text;
use crate::schema::{Components, Schema};
use crate::value::Value;
use crate::wire::Wire;
use crate::write_json;

object! {
    /// Names of hosts, one by one.
    both HostnamesReqResp, HostnamesReqRespInput = "openapi_hostnames_req_resp" {
        hostnames: HostlistString = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// Names of hosts, gathered.
    both HostlistReqResp, HostlistReqRespInput = "openapi_hostlist_req_resp" {
        hostlist: HostExpression = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

/// A host list that is in order, and stands for no more names than can be told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct HostExpression(pub Text);

impl Wire for HostExpression {
    type Input = Self;

    fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        let documented = "string (Slurm type=string)";
        let text = match value {
            Value::Null => return Ok(Some(HostExpression::default())),
            Value::String(text) => text.to_string(),
            Value::List(values) => {
                report.expected(at, documented, value);
                let texts: Option<Vec<_>> = values.iter().map(Value::to_text).collect();
                let Some(texts) = texts else { return no_text(value, at, report) };
                texts.join(",")
            }
            other => {
                report.expected(at, documented, other);
                return no_text(other, at, report);
            }
        };
        if hostlist::count(&text).is_none_or(|count| count > hostlist::MOST_HOSTS) {
            return report
                .refuse(at, number::INVALID_DATA, || format_compact!("Invalid hostlist string: {text}"));
        }
        Ok(Some(HostExpression(text.into())))
    }

    fn schema(_: &mut Components) -> Schema {
        Schema::String
    }

    fn write(&self, out: &mut Out) {
        write_json::text(&self.0, out);
    }
}

fn no_text<T>(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<T>, Stop> {
    report.refuse(at, number::INVALID_DATA, || format_compact!("string expected but got {value}"))
}
