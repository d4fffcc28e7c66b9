//! `quintet account modify`: what of what is meant becomes different.

use super::Entity;
use super::add::{admin_level, nothing, of_root, users_coordinate};
use super::desk::{Desk, Place, Told, named_lines, place_lines, unknown_condition, unknown_option};
use super::fields::{QOS_FLAGS, preempt_mode, qos_flags};
use super::limits::{self, Whose};
use super::rows::{self, Association, QosRow, Wanted};
use super::settings::Settings;
use super::show::Conditions;
use super::words::{First, Operator, Word, divided};
use anyhow::bail;
use serde_json::{Map, Value, json};
use slurm_wire::NoVal;
use slurm_wire::accounting::user::User;
use slurm_wire::time_text::limit_seconds;
use std::process::ExitCode;

/// Changes something; `None` for what cannot be changed.
pub(super) async fn run(
    desk: &Desk<'_>,
    entity: Entity,
    words: &[String],
) -> anyhow::Result<Option<ExitCode>> {
    let words = divided(words, First::Conditions);
    if words.settings.is_empty() {
        bail!("You didn't give me anything to set");
    }
    let (conditions, settings) = (&words.conditions, &words.settings);
    let changed = match entity {
        Entity::Account => accounts(desk, conditions, settings).await,
        Entity::User => users(desk, conditions, settings).await,
        Entity::Qos => qos(desk, conditions, settings).await,
        Entity::Cluster => clusters(desk, conditions, settings).await,
        _ => return Ok(None),
    };
    changed.map(Some)
}

fn place(one: &Association) -> Place {
    Place {
        cluster: one.wire.cluster.to_string(),
        account: one.wire.account.to_string(),
        user: one.wire.user.to_string(),
        partition: one.wire.partition.to_string(),
        parent: one.wire.parent_account.to_string(),
    }
}

fn of_association(one: &Association, settings: &Settings) -> Value {
    json!({ "association": { "id": one.wire.id.0, "settings": settings.wire } })
}

#[derive(Default)]
struct AccountSettings {
    description: Option<String>,
    organization: Option<String>,
    users_coordinate: Option<bool>,
    settings: Settings,
}

impl AccountSettings {
    fn read(words: &[Word]) -> anyhow::Result<Self> {
        let mut read = AccountSettings::default();
        for word in words {
            if word.is("Description", 3) {
                read.description = Some(word.value.replace('\'', "`"));
            } else if word.is("Organization", 1) {
                read.organization = Some(word.value.replace('\'', "`"));
            } else if word.is("Flags", 2) {
                read.users_coordinate = Some(users_coordinate(word)?);
            } else if word.is_bare() || !read.settings.take(word)? {
                return Err(unknown_option(word));
            }
        }
        Ok(read)
    }

    fn describes(&self) -> bool {
        self.description.is_some() || self.organization.is_some() || self.users_coordinate.is_some()
    }
}

async fn accounts(desk: &Desk<'_>, conditions: &[Word], settings: &[Word]) -> anyhow::Result<ExitCode> {
    let wanted = Conditions::read(Entity::Account, conditions)?;
    let settings = AccountSettings::read(settings)?;
    let all = rows::accounts(&desk.client, false).await?.0;
    let meant: Vec<_> = all.iter().filter(|account| wanted.means_account(account)).collect();
    let mut changes = Vec::new();
    let mut text = String::new();
    if settings.describes() {
        changes.extend(meant.iter().map(|account| {
            json!({ "account": {
                "name": account.name.as_str(),
                "description": settings.description.as_deref().unwrap_or(&account.description),
                "organization": settings.organization.as_deref().unwrap_or(&account.organization),
                "users_are_coordinators": settings.users_coordinate,
            }})
        }));
        let names: Vec<String> = meant.iter().map(|account| account.name.to_string()).collect();
        text.push_str(&named_lines("Modified accounts...", &names));
    }
    if !settings.settings.is_empty() && !meant.is_empty() {
        let about = Wanted {
            accounts: meant.iter().map(|account| account.name.to_string()).collect(),
            ..wanted.associations
        };
        let own = rows::associations(&desk.client, &about).await?.0;
        let own: Vec<_> = own.into_iter().filter(|one| one.wire.user.is_empty()).collect();
        changes.extend(own.iter().map(|one| of_association(one, &settings.settings)));
        let places: Vec<Place> = own.iter().map(place).collect();
        text.push_str(&place_lines("Modified account associations...", &places));
    }
    finish(desk, changes, text, "Modified account associations...").await
}

/// Hands the changes in, or says that there are none.
async fn finish(desk: &Desk<'_>, changes: Vec<Value>, text: String, title: &str) -> anyhow::Result<ExitCode> {
    let is_nothing = changes.is_empty();
    desk.carry_out(changes, |_| match is_nothing {
        true => nothing(&format!("{title}\n  Nothing modified")),
        false => Told { text: text.clone(), changed: true },
    })
    .await
}

#[derive(Default)]
struct UserSettings {
    own: Map<String, Value>,
    new_name: Option<String>,
    settings: Settings,
}

impl UserSettings {
    fn read(words: &[Word]) -> anyhow::Result<Self> {
        let mut read = UserSettings::default();
        for word in words {
            if word.is("AdminLevel", 2) {
                read.own.insert("level".to_owned(), json!(admin_level(&word.value)?));
            } else if word.is("DefaultAccount", 8) {
                read.own.insert("default_account".to_owned(), json!(word.value.to_lowercase()));
            } else if word.is("DefaultWCKey", 8) {
                read.own.insert("default_wckey".to_owned(), json!(word.value));
            } else if word.is("NewName", 2) {
                read.new_name = Some(word.value.clone());
            } else if word.is_bare() || word.is("Parent", 4) || !read.settings.take(word)? {
                return Err(unknown_option(word));
            }
        }
        Ok(read)
    }

    fn of_user(&self, user: &User) -> Value {
        let mut own = self.own.clone();
        let name = self.new_name.as_deref().unwrap_or(&user.name);
        own.insert("name".to_owned(), json!(name));
        if self.new_name.is_some() {
            own.insert("old_name".to_owned(), json!(user.name.as_str()));
        }
        json!({ "user": own })
    }
}

async fn users(desk: &Desk<'_>, conditions: &[Word], settings: &[Word]) -> anyhow::Result<ExitCode> {
    let wanted = Conditions::read(Entity::User, conditions)?;
    let settings = UserSettings::read(settings)?;
    let all = rows::users(&desk.client, false).await?.0;
    let meant: Vec<_> = all.iter().filter(|user| wanted.means_user(user)).collect();
    if settings.new_name.is_some() && meant.len() > 1 {
        bail!("Can't modify the name of more than one user.");
    }
    if let Some(account) = settings.own.get("default_account").and_then(Value::as_str)
        && let Some(stranger) = meant.iter().find(|user| !is_in(user, account))
    {
        bail!("Can't set default account {account}: user {} has no association with it", stranger.name);
    }
    let mut changes = Vec::new();
    let mut text = String::new();
    // First what hangs on the name so far.
    if !settings.settings.is_empty() && !meant.is_empty() {
        let about = Wanted {
            users: meant.iter().map(|user| user.name.to_string()).collect(),
            ..wanted.associations.clone()
        };
        let own = rows::associations(&desk.client, &about).await?.0;
        changes.extend(own.iter().map(|one| of_association(one, &settings.settings)));
        let places: Vec<Place> = own.iter().map(place).collect();
        text.push_str(&place_lines("Modified user associations...", &places));
    }
    if !settings.own.is_empty() || settings.new_name.is_some() {
        changes.extend(meant.iter().map(|user| settings.of_user(user)));
        let names: Vec<String> = meant.iter().map(|user| user.name.to_string()).collect();
        text = named_lines("Modified users...", &names) + &text;
    }
    finish(desk, changes, text, "Modified user associations...").await
}

fn is_in(user: &User, account: &str) -> bool {
    account.is_empty() || user.associations.iter().any(|one| one.account.eq_ignore_ascii_case(account))
}

async fn clusters(desk: &Desk<'_>, conditions: &[Word], words: &[Word]) -> anyhow::Result<ExitCode> {
    let mut names = Vec::new();
    for word in conditions {
        if !(word.is_bare() || word.is("Names", 1) || word.is("Clusters", 1)) {
            return Err(unknown_condition(word));
        }
        names.extend(word.list());
    }
    let mut settings = Settings::default();
    for word in words {
        if word.is_bare() || word.is("Parent", 4) || !settings.take(word)? {
            return Err(unknown_option(word));
        }
    }
    let all = rows::clusters(&desk.client).await?.0;
    let is_meant =
        |name: &str| names.is_empty() || names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
    let meant: Vec<String> =
        all.iter().filter(|one| is_meant(&one.name)).map(|one| one.name.to_string()).collect();
    let changes = meant.iter().map(|name| of_root(name, &settings.wire)).collect();
    finish(desk, changes, named_lines("Modified cluster...", &meant), "Modified cluster...").await
}

/// What of a quality of service becomes different.
#[derive(Clone, Debug, Default)]
pub(super) struct QosChange {
    wire: Map<String, Value>,
    flags: Vec<(Operator, &'static str)>,
    /// No flag is left but those named.
    resets_flags: bool,
    preempt: Vec<(Operator, String)>,
    resets_preempt: bool,
    /// The inner `None` for the cluster's way.
    preempt_mode: Option<Option<&'static str>>,
    told: Vec<(String, String)>,
}

impl QosChange {
    /// Takes in a word; `false` if it is about something else.
    pub(super) fn take(&mut self, word: &Word) -> anyhow::Result<bool> {
        let mut own = match self.wire.remove("limits") {
            Some(Value::Object(limits)) => limits,
            _ => Map::new(),
        };
        let read = limits::read(word, Whose::Qos, &mut own);
        if !own.is_empty() {
            self.wire.insert("limits".to_owned(), Value::Object(own));
        }
        match read {
            Some(Ok((title, shown))) => {
                self.told.push((title.to_owned(), shown));
                return Ok(true);
            }
            Some(Err(why)) => bail!(why),
            None => {}
        }
        let is_cleared = word.value.is_empty() || word.value == "-1";
        let bad = |name: &str| anyhow::anyhow!("Invalid value for {name} ({})", word.value);
        let number = |name: &str| match is_cleared {
            true => Ok(None),
            false => word
                .value
                .parse::<f64>()
                .ok()
                .filter(|number| *number >= 0.0)
                .map(Some)
                .ok_or_else(|| bad(name)),
        };
        let seconds = |name: &str| match limit_seconds(&word.value) {
            _ if is_cleared => Ok(None),
            Ok(NoVal::Set(seconds)) => Ok(Some(seconds)),
            Ok(_) => Ok(None),
            Err(_) => Err(bad(name)),
        };
        let (title, value) = if word.is("Description", 3) {
            ("description", json!(word.value.replace('\'', "`")))
        } else if word.is("Priority", 3) {
            let whole = number("Priority")?.unwrap_or(0.0);
            ("priority", json!(u32::try_from(whole as i64).map_err(|_| bad("Priority"))?))
        } else if word.is("GraceTime", 3) {
            // Seconds where nothing else is said, unlike other times.
            let plain = word.value.parse::<u64>().ok();
            let seconds = match plain {
                Some(seconds) => Some(seconds),
                None => seconds("GraceTime")?,
            };
            ("grace_time", json!(seconds.unwrap_or(0)))
        } else if word.is("UsageFactor", 6) {
            ("usage_factor", json!(number("UsageFactor")?.unwrap_or(1.0)))
        } else if word.is("UsageThreshold", 6) {
            ("usage_threshold", json!(number("UsageThreshold")?))
        } else if word.is("LimitFactor", 5) {
            ("limit_factor", json!(number("LimitFactor")?))
        } else if word.is("PreemptExemptTime", 8) {
            ("preempt_exempt_time", json!(seconds("PreemptExemptTime")?))
        } else {
            return self.take_list(word);
        };
        self.wire.insert(title.to_owned(), value);
        self.tell(word);
        Ok(true)
    }

    fn take_list(&mut self, word: &Word) -> anyhow::Result<bool> {
        let names = || word.list().into_iter().filter(|name| name != "-1");
        if word.is("Flags", 2) {
            self.resets_flags |= word.operator == Operator::Is;
            for name in names() {
                let known = QOS_FLAGS.iter().find(|(_, known)| super::words::is_short_for(&name, known, 4));
                let Some((_, known)) = known else {
                    let all = QOS_FLAGS.map(|(_, name)| name).join(",");
                    bail!("Unknown QOS flag used in: '{}'. Valid QOS flags are '{all}'", word.value);
                };
                self.flags.push((word.operator, known));
            }
        } else if word.is("PreemptMode", 8) {
            let modes = [
                ("cluster", None),
                ("cancel", Some("cancel")),
                ("requeue", Some("requeue")),
                ("suspend", Some("suspend")),
            ];
            let known = modes.iter().find(|(name, _)| super::words::is_short_for(&word.value, name, 2));
            let Some((_, mode)) = known else { bail!("Bad Preempt Mode given: {}", word.value) };
            self.preempt_mode = Some(*mode);
        } else if word.is("Preempt", 3) {
            self.resets_preempt |= word.operator == Operator::Is;
            for name in names().map(|name| name.to_lowercase()) {
                let (operator, name) = match (name.strip_prefix('+'), name.strip_prefix('-')) {
                    (Some(name), _) => (Operator::More, name.to_owned()),
                    (_, Some(name)) => (Operator::Less, name.to_owned()),
                    _ => (word.operator, name),
                };
                self.preempt.push((operator, name));
            }
        } else {
            return Ok(false);
        }
        self.tell(word);
        Ok(true)
    }

    fn tell(&mut self, word: &Word) {
        let sign = match word.operator {
            Operator::Is => "",
            Operator::More => "+",
            Operator::Less => "-",
        };
        self.told.push((format!("{}{sign}", word.name), word.value.clone()));
    }

    /// Returns the change that makes a quality of service of this name; it is described by its name where nothing is said.
    pub(super) fn of_new(&self, name: &str) -> Value {
        let mut row = QosRow::default();
        row.wire.name = name.into();
        let mut change = self.of(&row);
        if let Some(own) = change.get_mut("qos").and_then(Value::as_object_mut) {
            own.entry("description").or_insert_with(|| json!(name));
        }
        change
    }

    /// Returns the change of a quality of service. Flags and the way of making way are told as a whole.
    pub(super) fn of(&self, row: &QosRow) -> Value {
        let mut own = self.wire.clone();
        own.insert("name".to_owned(), json!(row.wire.name.as_str()));
        let mut flags = if self.resets_flags { Vec::new() } else { qos_flags(row) };
        apply(&mut flags, &self.flags);
        own.insert("flags".to_owned(), json!(flags));
        let mode = self.preempt_mode.unwrap_or_else(|| preempt_mode(row));
        own.insert("preempt_mode".to_owned(), json!(mode));
        if self.resets_preempt || !self.preempt.is_empty() {
            let before = row.wire.preempt.list.iter().map(|name| name.to_string());
            let mut preempt = if self.resets_preempt { Vec::new() } else { before.collect() };
            apply(&mut preempt, &self.preempt);
            own.insert("preempt".to_owned(), json!(preempt));
        }
        json!({ "qos": own })
    }

    /// Writes the settings below one another, under a title.
    pub(super) fn written(&self, title: &str) -> String {
        if self.told.is_empty() {
            return String::new();
        }
        let lines: String =
            self.told.iter().map(|(name, value)| format!("  {name:<14} = {value}\n")).collect();
        format!(" {title}\n{lines}")
    }
}

fn apply<T: Clone + PartialEq>(names: &mut Vec<T>, changes: &[(Operator, T)]) {
    for (operator, name) in changes {
        names.retain(|known| known != name);
        if *operator != Operator::Less {
            names.push(name.clone());
        }
    }
}

async fn qos(desk: &Desk<'_>, conditions: &[Word], settings: &[Word]) -> anyhow::Result<ExitCode> {
    let mut change = QosChange::default();
    for word in settings {
        if word.is_bare() || !change.take(word)? {
            return Err(unknown_option(word));
        }
    }
    let meant = meant_qos(desk, conditions).await?;
    let names: Vec<String> = meant.iter().map(|row| row.wire.name.to_string()).collect();
    let changes = meant.iter().map(|row| change.of(row)).collect();
    finish(desk, changes, named_lines("Modified qos...", &names), "Modified qos...").await
}

/// Returns the qualities of service that are meant.
pub(super) async fn meant_qos(desk: &Desk<'_>, conditions: &[Word]) -> anyhow::Result<Vec<QosRow>> {
    let (mut names, mut ids, mut descriptions) = (Vec::new(), Vec::new(), Vec::new());
    for word in conditions {
        if word.is_bare() || word.is("Names", 1) {
            names.extend(word.lower_list());
        } else if word.is("IDs", 1) {
            ids.extend(word.list());
        } else if word.is("Descriptions", 1) {
            descriptions.extend(word.list());
        } else {
            return Err(unknown_condition(word));
        }
    }
    let has = |wanted: &[String], value: &str| {
        wanted.is_empty() || wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    let mut all = rows::qos(&desk.client).await?.0;
    all.retain(|row| {
        has(&names, &row.wire.name)
            && has(&ids, &row.wire.id.to_string())
            && has(&descriptions, &row.wire.description)
    });
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use slurm_wire::words::{PreemptMode, QosFlag};

    fn change(words: &str) -> QosChange {
        let mut change = QosChange::default();
        for word in words.split(' ') {
            assert!(change.take(&Word::read(word)).unwrap(), "{word}");
        }
        change
    }

    #[test]
    fn qualities_of_service_change() {
        let mut row = QosRow::default();
        row.wire.name = "high".into();
        row.wire.flags = [QosFlag::NoDecay, QosFlag::DenyLimit].into();
        row.wire.preempt.list = vec!["low".into()].into();
        row.wire.preempt.mode = PreemptMode::Requeue.into();
        let check = |words: &str, key: &str, wanted: Value| {
            assert_eq!(change(words).of(&row)["qos"][key], wanted, "{words}");
        };
        check("flags+=NoReserve", "flags", json!(["DenyOnLimit", "NoDecay", "NoReserve"]));
        check("flags-=NoDecay", "flags", json!(["DenyOnLimit"]));
        check("flags=NoReserve", "flags", json!(["NoReserve"]));
        check("flags=-1", "flags", json!([]));
        check("priority=5", "flags", json!(["DenyOnLimit", "NoDecay"]));
        check("priority=5", "preempt_mode", json!("requeue"));
        check("priority=-1", "priority", json!(0));
        check("preemptmode=cluster", "preempt_mode", Value::Null);
        check("priority=5", "preempt", Value::Null);
        check("preempt+=Normal", "preempt", json!(["low", "normal"]));
        check("preempt-=low", "preempt", json!([]));
        check("preempt=", "preempt", json!([]));
        check("gracetime=90", "grace_time", json!(90));
        check("gracetime=00:02:00", "grace_time", json!(120));
        check("usagethreshold=-1", "usage_threshold", Value::Null);
        check("usagefactor=2", "usage_factor", json!(2.0));
        check("MaxWall=60 MaxJobsPU=3", "limits", json!({"MaxWallDurationPerJob": 60, "MaxJobsPerUser": 3}));
        assert_eq!(change("priority=1").of_new("new")["qos"]["description"], "new");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let refused = |word: &str| QosChange::default().take(&Word::read(word)).unwrap_err().to_string();
        assert!(refused("flags=xx").contains("Unknown QOS flag used in: 'xx'"));
        assert_eq!(refused("priority=x"), "Invalid value for Priority (x)");
        assert_eq!(refused("preemptmode=gently"), "Bad Preempt Mode given: gently");
        assert!(!QosChange::default().take(&Word::read("frob=1")).unwrap());
        assert!(UserSettings::read(&[Word::read("frob=3")]).is_err());
        assert!(AccountSettings::read(&[Word::read("flags=Frob")]).is_err());
    }
}
