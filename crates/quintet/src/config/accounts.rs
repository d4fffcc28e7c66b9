//! Accounts of the configuration, and who may charge them.

use super::ConfigError;
use super::file::{File, UserTable};
use domain::accounting::Enforcement;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// Its name, in lower case as Slurm keeps it.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) description: String,
    /// To whom it belongs.
    pub(crate) organization: String,
}

/// Reads what of accounting is enforced.
pub(super) fn enforcement(words: &[String]) -> Result<Enforcement, ConfigError> {
    Enforcement::parse(words.iter().map(String::as_str)).map_err(|unknown| {
        let known = "associations, limits, qos, safe, wckeys, nojobs, nosteps, all, none";
        ConfigError::unfit("[accounting]", format!("enforce has \"{unknown}\"; known are {known}"))
    })
}

/// Returns the accounts, and refuses users and partitions that name others.
pub(super) fn accounts(file: &File) -> Result<Vec<Account>, ConfigError> {
    let mut accounts: Vec<Account> = Vec::new();
    for table in &file.accounts {
        let name = table.name.to_lowercase();
        if name.is_empty() || accounts.iter().any(|account| account.name == name) {
            return Err(ConfigError::unfit(
                "[[accounts]]",
                format!("the name \"{name}\" is empty or given twice"),
            ));
        }
        let (description, organization) = (table.description.clone(), table.organization.clone());
        accounts.push(Account { name, description, organization });
    }
    let known =
        |name: &str| name.is_empty() || name == "root" || accounts.iter().any(|account| account.name == name);
    // Without a list of accounts any name will do, as in Slurm without an accounting database.
    if !accounts.is_empty() {
        for user in &file.users {
            if let Some(unknown) = of_user(user).find(|name| !known(name)) {
                let why = format!("account \"{unknown}\" of user \"{}\" is not in [[accounts]]", user.name);
                return Err(ConfigError::unfit("[[users]]", why));
            }
        }
        for partition in &file.partitions {
            let named = partition.allow_accounts.iter().chain(&partition.deny_accounts);
            if let Some(unknown) = named.map(|name| name.to_lowercase()).find(|name| !known(name)) {
                let why = format!(
                    "account \"{unknown}\" of partition \"{}\" is not in [[accounts]]",
                    partition.name
                );
                return Err(ConfigError::unfit("[[partitions]]", why));
            }
        }
    }
    Ok(accounts)
}

fn of_user(user: &UserTable) -> impl Iterator<Item = String> {
    std::iter::once(&user.default_account).chain(&user.accounts).map(|name| name.to_lowercase())
}
