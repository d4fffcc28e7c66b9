//! `quintet user`: whom the service remembers, and what they may do.

use crate::client::{Client, ClientArgs};
use crate::jobs::path_part;
use crate::logins::{self, PasswordArgs};
use crate::terminal::Terminal;
use anyhow::Context;
use clap::ValueEnum;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use std::process::ExitCode;

/// Arguments of `quintet user`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct UserArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Clone, Debug)]
enum What {
    /// Remember a user, or replace what is remembered
    Add(AddArgs),
    /// List users
    List(ListArgs),
    /// Forget users
    Remove(RemoveArgs),
    /// Set the password that a user logs in with to Waldur's interface, on the service's machine
    Password(PasswordArgs),
}

#[derive(clap::Args, Clone, Debug)]
struct AddArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Log-in name
    name: String,
    /// What the user may do beyond their own jobs
    #[arg(long, value_name = "LEVEL", default_value = "none")]
    admin: Level,
    /// Account charged when a job names none
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    default_account: String,
    /// Further accounts the user may charge
    #[arg(long = "account", value_name = "NAMES", value_delimiter = ',')]
    accounts: Vec<String>,
}

#[derive(clap::Args, Clone, Debug)]
struct ListArgs {
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(clap::Args, Clone, Debug)]
struct RemoveArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Log-in names
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
}

/// What a user may do beyond their own jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// Nothing
    #[default]
    None,
    /// Everybody's jobs
    Operator,
    /// Everything
    Administrator,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct User {
    name: String,
    #[serde(default)]
    level: Level,
    #[serde(default)]
    default_account: String,
    #[serde(default)]
    accounts: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Users {
    users: Vec<User>,
}

/// Does what is asked for.
pub(crate) async fn run(args: UserArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Add(args) => add(args, terminal).await,
        What::List(args) => list(args, terminal).await,
        What::Remove(args) => remove(args).await,
        What::Password(args) => logins::run(args),
    }
}

async fn add(args: AddArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let (default_account, accounts) = (args.default_account, args.accounts);
    let user = User { name: args.name, level: args.admin, default_account, accounts };
    let client = Client::open(&args.client)?;
    let answer = client.native::<User>(Method::POST, "/users", &[], Some(serde_json::to_vec(&user)?)).await;
    let answer = answer.with_context(|| format!("add user {}", user.name))?;
    if args.client.json {
        terminal.print_json(&answer.text)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(args: ListArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let client = Client::open(&args.client)?;
    let answer = client.native::<Users>(Method::GET, "/users", &[], None).await.context("list users")?;
    if args.client.json {
        terminal.print_json(&answer.text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = terminal.table(&["USER", "ADMIN", "DEFAULT ACCOUNT", "ACCOUNTS"]);
    for user in &answer.value.users {
        let level =
            user.level.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        table.add_row(vec![user.name.clone(), level, user.default_account.clone(), user.accounts.join(",")]);
    }
    terminal.print_table(&table)?;
    Ok(ExitCode::SUCCESS)
}

async fn remove(args: RemoveArgs) -> anyhow::Result<ExitCode> {
    let client = Client::open(&args.client)?;
    for name in &args.names {
        let path = format!("{}/users/{}", crate::client::NATIVE, path_part(name));
        client.text(Method::DELETE, &path, &[], None).await.with_context(|| format!("remove user {name}"))?;
    }
    Ok(ExitCode::SUCCESS)
}
