//! What was made or taken away, in sacctmgr's lines.

use domain::accounting::{AccountsAddition, Association, Place, ROOT, UsersAddition, Wckey};
use domain::{Text, who};
use std::fmt::Write;

/// Tells which accounts and associations were made.
pub(in crate::slurm) fn added_accounts(
    wish: &AccountsAddition,
    accounts: &[Text],
    associations: &[(Text, Text)],
) -> Text {
    let mut text = String::new();
    if !accounts.is_empty() {
        names(&mut text, " Adding Account(s)\n", accounts);
        let description = wish.description.as_deref().unwrap_or("Account Name");
        let organization = wish.organization.as_deref().unwrap_or("Parent/Account Name");
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            " Settings\n  Description     = {description}\n  Organization    = {organization}"
        );
    }
    if !associations.is_empty() {
        text.push_str(" Associations =\n");
    }
    for (cluster, account) in associations {
        let _ = writeln!(text, "  C = {cluster:<10} A = {account:<20}");
    }
    text.into()
}

/// Tells which users, associations and workload keys were made.
pub(in crate::slurm) fn added_users(
    wish: &UsersAddition,
    users: &[Text],
    associations: &[Place],
    wckeys: &[(Text, Text, Text)],
    skipped: &[(Text, Text)],
) -> Text {
    let mut text = String::new();
    if !users.is_empty() {
        names(&mut text, " Adding User(s)\n", users);
        text.push_str(" Settings\n");
        let level = wish.level.map(|level| match level {
            who::AdminLevel::None => "None",
            who::AdminLevel::Operator => "Operator",
            who::AdminLevel::Administrator => "Administrator",
        });
        for (name, value) in [
            ("Default Account", wish.default_account.as_deref()),
            ("Default WCKey  ", wish.default_wckey.as_deref()),
            ("Admin Level    ", level),
        ] {
            if let Some(value) = value {
                let _ = writeln!(text, "  {name} = {value}");
            }
        }
    }
    if !associations.is_empty() {
        text.push_str(" Associations =\n");
    }
    for Place { cluster, account, user, partition } in associations {
        let _ = write!(text, "  C = {cluster:<10} A = {account:<20} U = {user:<9}");
        if !partition.is_empty() {
            let _ = write!(text, " P = {partition}");
        }
        text.push('\n');
    }
    if !wckeys.is_empty() {
        text.push_str(" Wckey(s)\n");
    }
    for (cluster, name, user) in wckeys {
        let _ = writeln!(text, "  C = {cluster:<10} W = {name:<10} U = {user:<9}");
    }
    for (account, cluster) in skipped {
        let _ = writeln!(text, "No account {account} on cluster {cluster}, skipping.");
    }
    text.into()
}

fn names(text: &mut String, title: &str, names: &[Text]) {
    text.push_str(title);
    for name in names {
        let _ = writeln!(text, "  {name}");
    }
}

/// Tells of an association that was taken away.
pub(in crate::slurm) fn removed_association(one: &Association) -> Text {
    let Place { cluster, account, user, partition } = &one.place;
    if one.place.is_account() {
        let parent = if one.parent.is_empty() { ROOT } else { one.parent.clone() };
        return format!("C = {cluster:<10} A = {account} of {parent}").into();
    }
    let mut text = format!("C = {cluster:<10} A = {account:<10} U = {user:<9}");
    if !partition.is_empty() {
        let _ = write!(text, " P = {partition}");
    }
    text.into()
}

/// Tells of a workload key that was taken away.
pub(in crate::slurm) fn removed_wckey(wckey: &Wckey) -> Text {
    let Wckey { cluster, name, user, .. } = wckey;
    format!("C = {cluster:<10} W = {name:<20} U = {user:<9}").into()
}
