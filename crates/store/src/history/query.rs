//! From a filter to SQL. Which index is used is decided here and not by SQLite, which has no statistics to go by.

use crate::row::Stored;
use domain::Timestamp;
use domain::job::Outcome;
use domain::ports::HistoryFilter;
use rusqlite::types::Value;

/// A statement that gives the numbers of rows, with its parameters.
#[derive(Debug, PartialEq)]
pub(super) struct Query {
    pub(super) sql: String,
    pub(super) parameters: Vec<Value>,
}

impl Query {
    /// Makes the query for a filter: `id`, `"end"` and `job` of the rows, the latest end first.
    pub(super) fn of(filter: &HistoryFilter) -> Self {
        let mut query = Query { sql: String::new(), parameters: Vec::new() };
        let outcomes: Vec<Value> = filter.outcomes.iter().map(|outcome| value(outcome.to_row())).collect();
        match index_for(filter) {
            // The index has each outcome in order by itself: one walk for each, and the best of all.
            Index::Outcome => {
                for (at, outcome) in outcomes.into_iter().enumerate() {
                    query.sql.push_str(if at == 0 {
                        "SELECT * FROM ("
                    } else {
                        ") UNION ALL SELECT * FROM ("
                    });
                    query.walk(filter, Index::Outcome, std::slice::from_ref(&outcome));
                }
                query.sql.push_str(") ORDER BY \"end\" DESC, job DESC LIMIT ");
                query.bind(limit(filter));
            }
            index => query.walk(filter, index, &outcomes),
        }
        query
    }

    fn walk(&mut self, filter: &HistoryFilter, index: Index, outcomes: &[Value]) {
        self.sql.push_str("SELECT id, \"end\", job FROM attempt INDEXED BY ");
        self.sql.push_str(index.name());
        self.sql.push_str(" WHERE \"end\" >= ");
        self.bind(value(filter.since.unwrap_or(Timestamp::from_micros(i64::MIN)).micros()));
        // Only one of them, the other follows from it: of two SQLite would begin the walk at the one it likes and pass
        // over all earlier pages.
        match (filter.after, filter.until) {
            (Some((end, job)), until) if until.is_none_or(|until| end < until) => {
                self.and("(\"end\", job) < (", value(end.micros()));
                self.sql.push_str(", ");
                self.bind(value(job.0));
                self.sql.push(')');
            }
            (_, Some(until)) => self.and("\"end\" < ", value(until.micros())),
            (_, None) => {}
        }
        if let Some(user) = filter.user {
            self.and("user = ", value(user.0));
        }
        let texts =
            [("account = ", &filter.account), ("name = ", &filter.name), ("partition = ", &filter.partition)];
        for (column, text) in texts {
            if let Some(text) = text {
                self.and(column, Value::Text(text.to_string()));
            }
        }
        if index == Index::Outcome {
            // Says that the index has what is wanted: a parameter could be anything.
            self.sql.push_str(" AND outcome <> 0");
        }
        if let Some((first, others)) = outcomes.split_first() {
            self.and("outcome IN (", first.clone());
            for outcome in others {
                self.sql.push_str(", ");
                self.bind(outcome.clone());
            }
            self.sql.push(')');
        }
        self.sql.push_str(" ORDER BY \"end\" DESC, job DESC LIMIT ");
        self.bind(limit(filter));
    }

    fn and(&mut self, condition: &str, value: Value) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.bind(value);
    }

    fn bind(&mut self, value: Value) {
        self.sql.push('?');
        self.parameters.push(value);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Index {
    Name,
    User,
    Account,
    Outcome,
    Partition,
    End,
}

impl Index {
    fn name(self) -> &'static str {
        match self {
            Index::Name => "attempt_name",
            Index::User => "attempt_user",
            Index::Account => "attempt_account",
            Index::Outcome => "attempt_outcome",
            Index::Partition => "attempt_partition",
            Index::End => "attempt_end",
        }
    }
}

/// Returns the index that leaves the fewest rows to pass over, from what one usually sees: few jobs have the same name,
/// more the same user, still more the same account, and half of all the same partition.
fn index_for(filter: &HistoryFilter) -> Index {
    if filter.name.is_some() {
        Index::Name
    } else if filter.user.is_some() {
        Index::User
    } else if filter.account.is_some() {
        Index::Account
    } else if filter.partition.is_some() {
        Index::Partition
    } else if !filter.outcomes.is_empty() && !filter.outcomes.contains(&Outcome::Completed) {
        Index::Outcome
    } else {
        // Whoever wants completed ones finds enough of them here.
        Index::End
    }
}

fn limit(filter: &HistoryFilter) -> Value {
    Value::Integer(i64::try_from(filter.limit).unwrap_or(i64::MAX))
}

fn value(number: impl Into<i64>) -> Value {
    Value::Integer(number.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Database;
    use domain::{JobId, Text, Uid};
    use rusqlite::params_from_iter;

    /// Returns how SQLite goes about a search: one line a step.
    fn plan(filter: &HistoryFilter) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.db");
        std::fs::write(&path, "").unwrap();
        let connection = Database::History.migrated(&path).unwrap();
        let query = Query::of(filter);
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", query.sql)).unwrap();
        let steps = statement.query_map(params_from_iter(&query.parameters), |row| row.get(3)).unwrap();
        steps.collect::<Result<_, _>>().unwrap()
    }

    fn filter() -> HistoryFilter {
        HistoryFilter { limit: 100, ..HistoryFilter::default() }
    }

    /// Checks that a search walks along this index from the right place, and sorts nothing.
    fn check(filter: HistoryFilter, index: &str) {
        assert_eq!(plan(&filter).len(), 1);
        let page = HistoryFilter { after: Some((Timestamp::from_seconds(5), JobId(5))), ..filter };
        let window = HistoryFilter { since: Some(Timestamp::from_seconds(1)), ..page.clone() };
        let late = HistoryFilter { until: Some(Timestamp::from_seconds(9)), ..window.clone() };
        for filter in [page, window, late] {
            let plan = plan(&filter);
            assert_eq!(plan.len(), 1, "{plan:?}");
            assert!(plan[0].starts_with("SEARCH attempt USING "), "{plan:?}");
            assert!(plan[0].contains(&format!("INDEX {index} (")), "{plan:?}");
            assert!(plan[0].contains("end>? AND (end,job)<(?,?)"), "{plan:?}");
        }
    }

    #[test]
    fn every_search_walks_along_an_index() {
        let text = || Some(Text::const_new("text"));
        check(filter(), "attempt_end");
        check(HistoryFilter { user: Some(Uid(1)), ..filter() }, "attempt_user");
        check(HistoryFilter { account: text(), ..filter() }, "attempt_account");
        check(HistoryFilter { partition: text(), ..filter() }, "attempt_partition");
        check(HistoryFilter { name: text(), ..filter() }, "attempt_name");
        let failed = vec![Outcome::Failed];
        check(HistoryFilter { user: Some(Uid(1)), outcomes: failed.clone(), ..filter() }, "attempt_user");
        check(
            HistoryFilter { user: Some(Uid(1)), name: text(), account: text(), ..filter() },
            "attempt_name",
        );
        check(HistoryFilter { outcomes: Outcome::ALL.to_vec(), ..filter() }, "attempt_end");
    }

    #[test]
    fn outcomes_are_walked_one_by_one() {
        let outcomes = vec![Outcome::Failed, Outcome::Timeout];
        let plan = plan(&HistoryFilter { outcomes, ..filter() });
        let walks =
            plan.iter().filter(|step| step.contains("SEARCH attempt USING COVERING INDEX attempt_outcome"));
        assert_eq!(walks.count(), 2, "{plan:?}");
        assert!(!plan.iter().any(|step| step.starts_with("SCAN attempt")), "{plan:?}");
    }
}
