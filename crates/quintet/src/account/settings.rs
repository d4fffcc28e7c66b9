//! What an association shall have, read from words.

use super::limits::{self, Whose};
use super::words::{Operator, Word};
use serde_json::{Map, Value, json};

/// So many shares as the account above has.
pub(super) const PARENT_SHARES: u32 = 0x7fff_ffff;

/// Settings of associations, as the native dialect wants them, and how people write them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Settings {
    /// The settings.
    pub(super) wire: Map<String, Value>,
    /// Their names and values.
    pub(super) told: Vec<(String, String)>,
}

/// A word that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadValue(pub(super) String);

impl Settings {
    /// Tells whether nothing is set.
    pub(super) fn is_empty(&self) -> bool {
        self.wire.is_empty()
    }

    /// Takes in a word; `false` if it is about something else.
    ///
    /// # Errors
    /// If its value is none.
    pub(super) fn take(&mut self, word: &Word) -> Result<bool, BadValue> {
        let mut own = match self.wire.remove("limits") {
            Some(Value::Object(limits)) => limits,
            _ => Map::new(),
        };
        let read = limits::read(word, Whose::Association, &mut own);
        if !own.is_empty() {
            self.wire.insert("limits".to_owned(), Value::Object(own));
        }
        if let Some(read) = read {
            let (title, shown) = read.map_err(BadValue)?;
            self.tell(title, shown);
            return Ok(true);
        }
        let is_cleared = word.value.is_empty() || word.value == "-1";
        if word.is("Fairshare", 1) || word.is("Shares", 1) {
            self.put("shares", json!(shares(&word.value)?), "Fairshare", &word.value);
        } else if word.is("Priority", 3) {
            let bad = || BadValue(format!("Invalid value for Priority ({})", word.value));
            let number = if is_cleared { None } else { Some(word.value.parse::<u32>().map_err(|_| bad())?) };
            self.put("priority", json!(number), "Priority", &word.value);
        } else if word.is("Parent", 4) {
            self.put("parent", json!(word.value.to_lowercase()), "Parent", &word.value.to_lowercase());
        } else if word.is("Comment", 3) {
            // The flat file has no other way of writing it.
            let comment = word.value.replace('\'', "`");
            self.put("comment", json!(comment), "Comment", &comment);
        } else if word.is("DefaultQOS", 8) {
            let name = (!is_cleared).then(|| word.value.to_lowercase());
            self.put("default_qos", json!(name), "DefQOS", &word.value);
        } else if word.is("QosLevel", 1) {
            self.qos(word);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Reads which qualities of service: these, or some more or less; a sign may stand before each.
    fn qos(&mut self, word: &Word) {
        let mut these = Vec::new();
        for name in word.lower_list().into_iter().filter(|name| name != "-1") {
            let (operator, name) = match (name.strip_prefix('+'), name.strip_prefix('-')) {
                (Some(name), _) => (Operator::More, name.to_owned()),
                (_, Some(name)) => (Operator::Less, name.to_owned()),
                _ => (word.operator, name),
            };
            match operator {
                Operator::Is => these.push(name),
                Operator::More => self.push("more_qos", name),
                Operator::Less => self.push("less_qos", name),
            }
        }
        let has_changes = ["more_qos", "less_qos"].iter().any(|key| self.wire.contains_key(*key));
        if !these.is_empty() || (word.operator == Operator::Is && !has_changes) {
            self.wire.insert("qos".to_owned(), json!(these));
        }
        let sign = match word.operator {
            Operator::Is => "",
            Operator::More => "+",
            Operator::Less => "-",
        };
        self.tell("QOS", format!("{sign}{}", word.value));
    }

    fn push(&mut self, key: &str, name: String) {
        let names = self.wire.entry(key).or_insert_with(|| json!([]));
        if let Some(names) = names.as_array_mut() {
            names.push(json!(name));
        }
    }

    fn put(&mut self, key: &str, value: Value, title: &str, told: &str) {
        self.wire.insert(key.to_owned(), value);
        self.tell(title, told.to_owned());
    }

    fn tell(&mut self, title: &str, value: String) {
        self.told.push((title.to_owned(), value));
    }

    /// Writes the settings below one another, under a title; nothing where there are none.
    pub(super) fn written(&self, title: &str) -> String {
        if self.told.is_empty() {
            return String::new();
        }
        let lines: String =
            self.told.iter().map(|(name, value)| format!("  {name:<14}= {value}\n")).collect();
        format!(" {title}\n{lines}")
    }
}

/// Reads shares: a number, or `parent`.
fn shares(text: &str) -> Result<u32, BadValue> {
    if text.eq_ignore_ascii_case("parent") {
        return Ok(PARENT_SHARES);
    }
    // One is what everybody has.
    if text == "-1" {
        return Ok(1);
    }
    text.parse().map_err(|_| BadValue(format!("Invalid value for FairShare ({text})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Settings {
        let mut settings = Settings::default();
        for word in words.split(' ') {
            assert_eq!(settings.take(&Word::read(word)), Ok(true), "{word}");
        }
        settings
    }

    #[test]
    fn settings_are_read() {
        let check =
            |words: &str, wanted: Value| assert_eq!(Value::Object(read(words).wire), wanted, "{words}");
        check("fairshare=7", json!({"shares": 7}));
        check("share=parent", json!({"shares": 2_147_483_647}));
        check("priority=-1", json!({"priority": null}));
        check("qos=a,B", json!({"qos": ["a", "b"]}));
        check("qos=", json!({"qos": []}));
        check("qos=-1", json!({"qos": []}));
        check("qos=+a,-b", json!({"more_qos": ["a"], "less_qos": ["b"]}));
        check("qos+=a qos-=b", json!({"more_qos": ["a"], "less_qos": ["b"]}));
        check("defaultqos=-1", json!({"default_qos": null}));
        check("parent=Physics maxjobs=3", json!({"parent": "physics", "limits": {"MaxJobs": 3}}));
        check("comment=it's", json!({"comment": "it`s"}));
        check("maxcpus=3 grpjobs=2", json!({"limits": {"MaxTRESPerJob": {"cpu": 3}, "GrpJobs": 2}}));
    }

    #[test]
    fn settings_are_told() {
        let told = read("fairshare=7 MaxWall=60").written("Settings");
        assert_eq!(told, " Settings\n  Fairshare     = 7\n  MaxWall       = 01:00:00\n");
        assert_eq!(Settings::default().written("Settings"), "");
    }

    #[test]
    fn what_is_no_setting_is_left() {
        let mut settings = Settings::default();
        assert_eq!(settings.take(&Word::read("frob=3")), Ok(false));
        assert!(
            settings.take(&Word::read("fairshare=xx")).unwrap_err().to_string().contains("FairShare (xx)")
        );
        assert!(settings.is_empty());
    }
}
