//! Rows of what a job waits for.

use super::{BadRow, Stored};
use domain::job::{Dependency, ExitCodes, Outcomes, Relation, Requirement, Term, TermState};
use domain::{JobId, TaskIndex};
use serde::{Deserialize, Serialize};

rows! {
    Dependency => DependencyRow {
        terms = "t": Vec<Term>,
        require = "r": Requirement,
    }
    Term => TermRow {
        relation = "r": Relation,
        job = "j": Option<JobId>,
        task = "t": Option<TaskIndex>,
        unheeded = "u": u32,
        state = "s": TermState,
    }
}

codes! {
    Requirement, "requirement" {
        All = 0,
        Any = 1,
    }
    TermState, "state of a dependency" {
        Unfulfilled = 0,
        Fulfilled = 1,
        Failed = 2,
    }
}

/// How two jobs relate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum RelationRow {
    #[default]
    #[serde(rename = "any")]
    AfterAny,
    #[serde(rename = "after")]
    After(u64),
    #[serde(rename = "ok")]
    AfterOk,
    #[serde(rename = "notok")]
    AfterNotOk,
    #[serde(rename = "corr")]
    AfterCorr,
    #[serde(rename = "single")]
    Singleton,
    #[serde(rename = "exit")]
    AfterExit(String),
    #[serde(rename = "end")]
    AfterEnd(String),
}

impl Stored for Relation {
    type Row = RelationRow;

    fn to_row(&self) -> RelationRow {
        match self {
            Relation::After(delay) => RelationRow::After(delay.to_row()),
            Relation::AfterAny => RelationRow::AfterAny,
            Relation::AfterOk => RelationRow::AfterOk,
            Relation::AfterNotOk => RelationRow::AfterNotOk,
            Relation::AfterCorr => RelationRow::AfterCorr,
            Relation::AfterExit(codes) => RelationRow::AfterExit(codes.written()),
            Relation::AfterEnd(outcomes) => RelationRow::AfterEnd(outcomes.written()),
            Relation::Singleton => RelationRow::Singleton,
        }
    }

    fn from_row(row: RelationRow) -> Result<Self, BadRow> {
        Ok(match row {
            RelationRow::After(delay) => Relation::After(Stored::from_row(delay)?),
            RelationRow::AfterAny => Relation::AfterAny,
            RelationRow::AfterOk => Relation::AfterOk,
            RelationRow::AfterNotOk => Relation::AfterNotOk,
            RelationRow::AfterCorr => Relation::AfterCorr,
            RelationRow::AfterExit(written) => Relation::AfterExit(
                ExitCodes::read(&written).ok_or(BadRow::UnknownWord { what: "exit codes", word: written })?,
            ),
            RelationRow::AfterEnd(written) => Relation::AfterEnd(
                Outcomes::read(&written).ok_or(BadRow::UnknownWord { what: "outcomes", word: written })?,
            ),
            RelationRow::Singleton => Relation::Singleton,
        })
    }
}
