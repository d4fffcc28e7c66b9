//! What a list is to have: filters, an order, and which fields are shown (facts A5).

use super::super::Waldur;
use super::super::error::{Faults, WaldurError};
use super::super::names::parse;
use super::super::projects::Realm;
use super::super::subject::Subject;
use crate::http::query::Pairs;
use crate::ids::Kind;
use domain::Uid;

/// The states a record can be in.
const STATES: [&str; 8] = [
    "CREATION_SCHEDULED",
    "CREATING",
    "UPDATE_SCHEDULED",
    "UPDATING",
    "DELETION_SCHEDULED",
    "DELETING",
    "OK",
    "ERRED",
];

/// In which order records come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum Order {
    #[default]
    CreatedLast,
    Created,
    Name,
    NameLast,
    State,
    StateLast,
}

/// Which records are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Wishes {
    name: Option<String>,
    name_exact: Option<String>,
    states: Vec<String>,
    runtime_state: Option<String>,
    backend_id: Option<String>,
    project: Option<u128>,
    customer: Option<u128>,
    user: Option<u128>,
    pub(in super::super) order: Order,
}

impl Wishes {
    /// Reads a query. Parameters without a value, and those nobody knows, are passed over.
    pub(in super::super) fn of(query: &Pairs<'_>) -> Result<Self, WaldurError> {
        let mut wishes = Wishes::default();
        let mut faults = Faults::new();
        for (name, value) in query {
            let Some(value) = value.as_deref().filter(|value| !value.is_empty()) else { continue };
            let text = || Some(value.to_owned());
            let mut id = |field: &'static str| {
                let id = parse(value);
                if id.is_none() {
                    faults.entry(field).or_default().push("Enter a valid UUID.".to_owned());
                }
                id
            };
            match name.as_ref() {
                "name" => wishes.name = text().map(|name| name.to_lowercase()),
                "name_exact" => wishes.name_exact = text(),
                "runtime_state" => wishes.runtime_state = text(),
                "backend_id" => wishes.backend_id = text(),
                "project_uuid" => wishes.project = id("project_uuid"),
                "customer_uuid" => wishes.customer = id("customer_uuid"),
                "user_uuid" => wishes.user = id("user_uuid"),
                "state" if STATES.contains(&value) => wishes.states.push(value.to_owned()),
                "state" => faults.entry("state").or_default().push(no_choice(value)),
                "o" => match order(value) {
                    Some(order) => wishes.order = order,
                    None => faults.entry("o").or_default().push(no_choice(value)),
                },
                _ => {}
            }
        }
        if faults.is_empty() { Ok(wishes) } else { Err(WaldurError::Fields(faults)) }
    }

    /// Tells whether no record need be read to know whether it is wanted and where it stands.
    pub(in super::super) fn is_plain(&self) -> bool {
        let order = self.order;
        let by_time = matches!(order, Order::Created | Order::CreatedLast);
        by_time && *self == Wishes { order, ..Wishes::default() }
    }

    /// Tells whether a record is wanted.
    pub(in super::super) fn fit(&self, subject: &Subject, waldur: &Waldur, realm: &Realm<'_>) -> bool {
        let is =
            |wanted: &Option<String>, actual: &str| wanted.as_ref().is_none_or(|wanted| wanted == actual);
        let project = || realm.project(&subject.charge(realm));
        self.name.as_ref().is_none_or(|name| subject.name().to_lowercase().contains(name))
            && is(&self.name_exact, subject.name())
            && (self.states.is_empty() || self.states.iter().any(|state| state == subject.state()))
            && is(&self.runtime_state, subject.runtime_state())
            && (self.backend_id.is_none() || is(&self.backend_id, &subject.backend_id()))
            && self.user.is_none_or(|user| {
                waldur.names.ids.read_number(Kind::User, user).map(Uid) == Some(subject.owner())
            })
            && self.project.is_none_or(|wanted| project().id == wanted)
            && self.customer.is_none_or(|wanted| project().customer.id == wanted)
    }
}

fn order(word: &str) -> Option<Order> {
    Some(match word {
        "created" => Order::Created,
        "-created" => Order::CreatedLast,
        "name" => Order::Name,
        "-name" => Order::NameLast,
        "state" => Order::State,
        "-state" => Order::StateLast,
        _ => return None,
    })
}

fn no_choice(value: &str) -> String {
    format!("Select a valid choice. {value} is not one of the available choices.")
}

/// Returns the names of the fields that shall be shown; none for all.
pub(in super::super) fn fields(query: &Pairs<'_>) -> Vec<String> {
    let wanted = query.iter().filter(|(name, _)| name == "field");
    wanted.filter_map(|(_, value)| value.as_deref()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::query::plain_pairs;

    fn read(query: &str) -> Result<Wishes, WaldurError> {
        Wishes::of(&plain_pairs(query).unwrap())
    }

    #[test]
    fn wishes_are_read() {
        let wishes = read("name=Ab&state=OK&state=ERRED&o=-name&nonsense=1&name_exact=").unwrap();
        let states = vec!["OK".to_owned(), "ERRED".to_owned()];
        let wanted =
            Wishes { name: Some("ab".to_owned()), states, order: Order::NameLast, ..Wishes::default() };
        assert_eq!(wishes, wanted);
        assert!(read("o=created&page=3&field=x").unwrap().is_plain());
        assert!(!read("o=name").unwrap().is_plain() && !read("state=OK").unwrap().is_plain());
    }

    #[test]
    fn wishes_that_make_no_sense_are_all_named() {
        let Err(WaldurError::Fields(faults)) = read("state=ok&o=size&project_uuid=7") else { panic!() };
        assert_eq!(faults.keys().copied().collect::<Vec<_>>(), ["o", "project_uuid", "state"]);
        assert_eq!(faults["state"], ["Select a valid choice. ok is not one of the available choices."]);
    }
}
