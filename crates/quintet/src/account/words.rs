//! The words behind `quintet account VERB ENTITY`: names, `option=value`, `option+=value`, and which of them say what is
//! meant (`where`) or what it shall be (`set`).

/// How a value is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    /// This value.
    Is,
    /// This one more.
    More,
    /// This one less.
    Less,
}

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// The word as it was given.
    pub(super) raw: String,
    /// The option's name; empty for a name that stands alone.
    pub(super) name: String,
    /// How the value is meant.
    pub(super) operator: Operator,
    /// The value, or the name that stands alone.
    pub(super) value: String,
}

/// Words by what they say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// What is meant.
    pub(super) conditions: Vec<Word>,
    /// What it shall be.
    pub(super) settings: Vec<Word>,
}

/// What words say before `where` or `set`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    Conditions,
    Settings,
}

impl Word {
    /// Reads a word. Quotes around a value are not part of it.
    pub(super) fn read(raw: &str) -> Word {
        let word = |name: &str, operator, value: &str| Word {
            raw: raw.to_owned(),
            name: name.to_owned(),
            operator,
            value: unquoted(value).to_owned(),
        };
        let Some((name, value)) = raw.split_once('=') else { return word("", Operator::Is, raw) };
        match name.strip_suffix('+') {
            Some(name) => word(name, Operator::More, value),
            None => match name.strip_suffix('-') {
                Some(name) => word(name, Operator::Less, value),
                None => word(name, Operator::Is, value),
            },
        }
    }

    /// Tells whether the word stands alone.
    pub(super) fn is_bare(&self) -> bool {
        self.name.is_empty()
    }

    /// Tells whether this option is meant, of whose name `least` letters must be given.
    pub(super) fn is(&self, option: &str, least: usize) -> bool {
        is_short_for(&self.name, option, least)
    }

    /// Tells whether the word is a switch: the option's name alone, or with a value that says yes.
    pub(super) fn switches(&self, option: &str, least: usize) -> bool {
        if self.is_bare() {
            return is_short_for(&self.value, option, least);
        }
        let says_no = ["0", "no", "false"].iter().any(|no| self.value.eq_ignore_ascii_case(no));
        self.is(option, least) && !says_no
    }

    /// Returns the names of a list with commas.
    pub(super) fn list(&self) -> Vec<String> {
        list(&self.value)
    }

    /// Returns the names of a list with commas, in lower case: accounts and qualities of service have no other.
    pub(super) fn lower_list(&self) -> Vec<String> {
        list(&self.value.to_lowercase())
    }
}

/// Tells whether a word is a name, or the beginning of one of at least so many letters. Case does not matter.
pub(super) fn is_short_for(word: &str, name: &str, least: usize) -> bool {
    word.len() >= least.min(name.len())
        && name.get(..word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word))
}

/// Divides a list with commas.
pub(super) fn list(text: &str) -> Vec<String> {
    let names = text.split(',').map(|name| unquoted(name.trim()).to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

/// Returns a text without the quotes around it.
pub(super) fn unquoted(text: &str) -> &str {
    ['\'', '"'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(text)
}

/// Divides words at `where` and `set`.
pub(super) fn divided(words: &[String], first: First) -> Words {
    let mut divided = Words::default();
    let mut place = first;
    for word in words {
        if word.eq_ignore_ascii_case("where") {
            place = First::Conditions;
        } else if word.eq_ignore_ascii_case("set") {
            place = First::Settings;
        } else {
            let word = Word::read(word);
            match place {
                First::Conditions => divided.conditions.push(word),
                First::Settings => divided.settings.push(word),
            }
        }
    }
    divided
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        let check = |raw: &str, name: &str, operator: Operator, value: &str| {
            let word = Word::read(raw);
            assert_eq!((word.name.as_str(), word.operator, word.value.as_str()), (name, operator, value));
        };
        check("alice,bob", "", Operator::Is, "alice,bob");
        check("MaxJobs=-1", "MaxJobs", Operator::Is, "-1");
        check("qos+=high", "qos", Operator::More, "high");
        check("qos-=high,low", "qos", Operator::Less, "high,low");
        check("GrpTRES=cpu=10,gres/gpu=2", "GrpTRES", Operator::Is, "cpu=10,gres/gpu=2");
        check("description='two words'", "description", Operator::Is, "two words");
        check("organization=\"\"", "organization", Operator::Is, "");
    }

    #[test]
    fn options_may_be_short() {
        let word = Word::read("maxj=3");
        assert!(word.is("MaxJobs", 4) && !word.is("MaxJobs", 5) && !word.is("MaxWall", 3));
        assert!(Word::read("WithAssoc").switches("WithAssociations", 5));
        assert!(Word::read("tree").switches("Tree", 4) && !Word::read("tree=no").switches("Tree", 4));
        assert_eq!(Word::read("name=a, 'b c' ,,").list(), ["a", "b c"]);
    }

    #[test]
    fn where_and_set_divide() {
        let words: Vec<String> =
            "bob WHERE account=x set maxjobs=3 where cluster=c".split(' ').map(str::to_owned).collect();
        let raw = |words: &[Word]| words.iter().map(|word| word.raw.clone()).collect::<Vec<_>>();
        let both = divided(&words, First::Conditions);
        assert_eq!(raw(&both.conditions), ["bob", "account=x", "cluster=c"]);
        assert_eq!(raw(&both.settings), ["maxjobs=3"]);
        assert_eq!(raw(&divided(&words[..1], First::Settings).settings), ["bob"]);
    }
}
