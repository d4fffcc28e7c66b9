//! Trackable resources, and what was used of them.

use crate::envelope::{Errors, Meta, Warnings};
use crate::list::{lists, read_plain, read_strict};
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::out::Out;
use crate::scalar::{Checked, Text};
use crate::wire::Wire;

object! {
    /// Trackable resources.
    both TresResp, TresRespInput = "openapi_tres_resp" {
        tres "TRES": TresList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// An amount of a trackable resource.
    both Tres, TresInput = "tres" written by by_heart {
        kind "type": Text = required,
        name: Text,
        id: u32,
        count: Checked<i64>,
    }
}

object! {
    /// Part `allocated` of [`Accounting`].
    both inline AccountingAllocated, AccountingAllocatedInput = "accounting_allocated" {
        seconds: i64,
    }
}

object! {
    /// What was used of a trackable resource.
    both Accounting, AccountingInput = "accounting" {
        allocated: AccountingAllocated,
        id: u32,
        id_alt: u32,
        start: i64,
        tres "TRES": Tres,
    }
}

lists! {
    /// Amounts of trackable resources.
    TresList, TresListKind of Tres = "tres_list", read_strict;
    /// What was used.
    AccountingList, AccountingListKind of Accounting = "accounting_list", read_plain;
}

fn by_heart(tres: &Tres, out: &mut Out) -> bool {
    let head = head(&tres.kind, &tres.name, tres.id);
    if let Some(head) = head {
        out.extend_from_slice(head);
        tres.count.write(out);
    }
    head.is_some()
}

/// Returns what stands in front of the count of those resources that every cluster has: history is full of them.
pub(crate) fn head(kind: &str, name: &str, id: u32) -> Option<&'static [u8]> {
    macro_rules! heads {
        ($($id:literal $kind:literal $name:literal,)*) => {
            match id {
                $($id if kind == $kind && name == $name => {
                    Some(concat!(",\"type\":\"", $kind, "\",\"name\":\"", $name, "\",\"id\":", $id, ",\"count\":"))
                })*
                _ => None,
            }
        };
    }
    let head = heads! {
        1 "cpu" "",
        2 "mem" "",
        3 "energy" "",
        4 "node" "",
        5 "billing" "",
        6 "fs" "disk",
    };
    head.map(str::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounting::step::StepTaskTres;
    use crate::wire::to_json;

    #[test]
    fn what_is_known_by_heart_is_written_as_everything_else() {
        let kinds = ["cpu", "mem", "energy", "node", "billing", "fs", "gres", "a\"b"];
        for (kind, name, id) in kinds
            .iter()
            .flat_map(|kind| ["", "disk", "gpu"].map(|name| (*kind, name)))
            .flat_map(|(kind, name)| (0..8).map(move |id| (kind, name, id)))
        {
            let (kind, name, count) =
                (Text::from(kind), Text::from(name), Checked(i64::from(id) * -1_000_000_007));
            let amount = Tres { kind: kind.clone(), name: name.clone(), id, count };
            let text = String::from_utf8(to_json(&amount)).unwrap();
            assert_eq!(text, serde_json::to_string(&amount).unwrap());
            let of_task = StepTaskTres { kind, name, id, count, task: 7, node: "n\n1".into() };
            let text = String::from_utf8(to_json(&of_task)).unwrap();
            assert_eq!(text, serde_json::to_string(&of_task).unwrap());
        }
    }
}
