//! `quintet account`: accounts, users, associations, qualities of service and workload keys, in sacctmgr's words.
//!
//! - `words`, `limits`, `settings`: what words mean
//! - `rows`, `fields`: what the service tells, and the fields it is shown in
//! - `show`, `add`, `modify`, `delete`: a verb each; `desk` is how all of them ask and tell; `past` shows what is over
//! - `flatfile`, `dump`, `load`: sacctmgr's file format

mod add;
mod delete;
mod desk;
mod dump;
mod fields;
mod flatfile;
mod limits;
mod load;
mod modify;
mod past;
mod rows;
mod settings;
mod show;
mod words;

use crate::client::{Client, ClientArgs};
use crate::terminal::Terminal;
use anyhow::bail;
use desk::Desk;
use std::process::ExitCode;
use words::is_short_for;

/// Arguments of `quintet account`.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Verbs: add, modify, delete and show an entity; dump and load a file.
Entities: account, association, cluster, configuration, coordinator, event, problem, qos, reservation,
          runawayjobs, transaction, tres, user, wckey.

  quintet account add account physics parent=science fairshare=10 GrpTRES=cpu=64,gres/gpu=4
  quintet account add user alice account=physics
  quintet account modify user where name=alice account=physics set MaxJobs=5 qos+=high
  quintet account show association tree format=account%-20,user,share,qos
  quintet account dump file=cluster.cfg")]
pub(crate) struct AccountArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Carry changes out without asking
    #[arg(short = 'i', long)]
    immediate: bool,
    /// No names above the columns
    #[arg(short = 'n', long = "noheader")]
    no_header: bool,
    /// Bars between the fields and behind the last
    #[arg(short = 'p', long, conflicts_with = "parsable2")]
    parsable: bool,
    /// Bars between the fields
    #[arg(short = 'P', long)]
    parsable2: bool,
    /// Show accounts and users with their associations
    #[arg(short = 's', long)]
    associations: bool,
    /// Do not say what was done
    #[arg(short = 'Q', long)]
    quiet: bool,
    /// Refuse to change anything
    #[arg(short = 'r', long)]
    readonly: bool,
    /// What to do: a verb, an entity, and words as sacctmgr has them
    #[arg(value_name = "WORD", required = true)]
    words: Vec<String>,
}

/// What is spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entity {
    Account,
    Association,
    Cluster,
    Configuration,
    Coordinator,
    Event,
    Problem,
    Qos,
    Reservation,
    Runaway,
    Transaction,
    Tres,
    User,
    Wckey,
}

/// Entities by name, with the letters that must be given.
const ENTITIES: [(&str, usize, Entity); 14] = [
    ("Accounts", 2, Entity::Account),
    ("Associations", 2, Entity::Association),
    ("Clusters", 2, Entity::Cluster),
    ("Configuration", 3, Entity::Configuration),
    ("Coordinators", 3, Entity::Coordinator),
    ("Events", 1, Entity::Event),
    ("Problems", 1, Entity::Problem),
    ("QOS", 1, Entity::Qos),
    ("Reservations", 3, Entity::Reservation),
    ("RunawayJobs", 2, Entity::Runaway),
    ("Transactions", 2, Entity::Transaction),
    ("TRES", 2, Entity::Tres),
    ("Users", 1, Entity::User),
    ("WCKeys", 1, Entity::Wckey),
];

/// What shall be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Add,
    Modify,
    Delete,
    Show,
    Dump,
    Load,
}

const VERBS: [(&str, usize, Verb); 10] = [
    ("add", 2, Verb::Add),
    ("create", 2, Verb::Add),
    ("modify", 1, Verb::Modify),
    ("update", 1, Verb::Modify),
    ("delete", 2, Verb::Delete),
    ("remove", 3, Verb::Delete),
    ("list", 2, Verb::Show),
    ("show", 2, Verb::Show),
    ("dump", 2, Verb::Dump),
    ("load", 2, Verb::Load),
];

fn named<T: Copy>(word: &str, all: &[(&str, usize, T)]) -> Option<T> {
    all.iter().find(|(name, least, _)| is_short_for(word, name, *least)).map(|(.., one)| *one)
}

/// Does what the words say.
pub(crate) async fn run(args: AccountArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let Some((verb, rest)) = args.words.split_first() else { bail!("what shall be done?") };
    let Some(known) = named(verb, &VERBS) else { bail!("invalid keyword: {verb}") };
    if args.readonly && known != Verb::Show && known != Verb::Dump {
        bail!("Can't run this command in readonly mode.");
    }
    let desk = Desk { client: Client::open(&args.client)?, args: &args, terminal };
    match known {
        Verb::Dump => return dump::run(&desk, rest).await,
        Verb::Load => return load::run(&desk, rest).await,
        _ => {}
    }
    let entity = rest.first().and_then(|word| named(word, &ENTITIES));
    let words = rest.get(1..).unwrap_or_default();
    let done = match (known, entity) {
        (Verb::Add, Some(entity)) => add::run(&desk, entity, words).await?,
        (Verb::Modify, Some(entity)) => modify::run(&desk, entity, words).await?,
        (Verb::Delete, Some(entity)) => delete::run(&desk, entity, words).await?,
        (Verb::Show, Some(entity)) => show::run(&desk, entity, words).await?,
        _ => None,
    };
    match done {
        Some(code) => Ok(code),
        None => bail!(
            "No valid entity in {} command; it knows {}",
            verb.to_lowercase(),
            match known {
                Verb::Add => "account, cluster, coordinator, qos, user, wckey",
                Verb::Modify => "account, cluster, qos, user",
                Verb::Delete => "account, association, cluster, coordinator, qos, user, wckey",
                _ => {
                    "account, association, cluster, configuration, event, problem, qos, reservation, runawayjobs, \
                     transaction, tres, user, wckey"
                }
            }
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_and_entities_may_be_short() {
        assert_eq!((named("CREATE", &VERBS), named("mod", &VERBS)), (Some(Verb::Add), Some(Verb::Modify)));
        assert_eq!((named("li", &VERBS), named("lo", &VERBS)), (Some(Verb::Show), Some(Verb::Load)));
        assert_eq!((named("frob", &VERBS), named("adds", &VERBS)), (None, None));
        for (word, entity) in [
            ("account", Entity::Account),
            ("acct", Entity::Account),
            ("assoc", Entity::Association),
            ("coord", Entity::Coordinator),
            ("config", Entity::Configuration),
            ("cluster", Entity::Cluster),
            ("u", Entity::User),
            ("wckey", Entity::Wckey),
        ] {
            // "acct" is no beginning of "accounts".
            let wanted = if word == "acct" { None } else { Some(entity) };
            assert_eq!(named(word, &ENTITIES), wanted, "{word}");
        }
    }
}
