//! Which jobs a list shall have: the parameters of its query (facts 3.2), and those the project's own guide has beside
//! them.

use super::super::error::CockpitError;
use super::state;
use crate::http::query::Pairs;
use domain::monitoring::RecordsWanted;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Which records.
    pub(crate) wanted: RecordsWanted,
    /// Records of a page; -1 for all.
    pub(crate) items: i64,
    /// Which page, counted from one.
    pub(crate) page: i64,
}

fn number(name: &str, value: &str) -> Result<i64, CockpitError> {
    value.parse().map_err(|_| CockpitError::bad(format!("invalid query parameter value: {name}={value}")))
}

/// Reads the query of a list.
pub(crate) fn listing(query: &Pairs<'_>) -> Result<Listing, CockpitError> {
    let mut wanted = RecordsWanted::default();
    let (mut items, mut page) = (25, 1);
    for (name, value) in query {
        let value = value.as_deref().unwrap_or_default();
        match name.as_ref() {
            "state" => wanted.states.push(state(value)?),
            // If it is repeated, the first counts.
            "cluster" => {
                wanted.cluster.get_or_insert_with(|| value.into());
            }
            "user" => {
                wanted.user.get_or_insert_with(|| value.into());
            }
            "project" => wanted.projects.push(value.into()),
            "start-time" => {
                let bad = || {
                    CockpitError::bad(
                        "invalid query parameter value: start-time wants FROM-TO, seconds since 1970",
                    )
                };
                let (from, to) = value.split_once('-').ok_or_else(bad)?;
                let bound = |text: &str| text.parse::<i64>().map_err(|_| bad());
                (wanted.started_from, wanted.started_until) = (Some(bound(from)?), Some(bound(to)?));
            }
            "items-per-page" => items = number(name, value)?,
            "page" => page = number(name, value)?,
            // Present means yes, whatever it says.
            "with-metadata" => wanted.with_meta = true,
            _ => return Err(CockpitError::bad(format!("invalid query parameter: {name}"))),
        }
    }
    if items >= 0 {
        let size = items.unsigned_abs();
        wanted.most = Some(if page < 1 { 0 } else { size });
        wanted.skip = page.saturating_sub(1).max(0).unsigned_abs().saturating_mul(size);
    } else if items < -1 {
        return Err(CockpitError::bad(format!("invalid query parameter value: items-per-page={items}")));
    }
    Ok(Listing { wanted, items, page })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::query::plain_pairs;
    use domain::monitoring::JobState;

    fn read(query: &str) -> Result<Listing, CockpitError> {
        listing(&plain_pairs(query).unwrap())
    }

    #[test]
    fn queries_are_read() {
        let usual = read("").unwrap();
        assert_eq!((usual.items, usual.page, usual.wanted.most, usual.wanted.skip), (25, 1, Some(25), 0));
        let all = read("state=running&state=failed&cluster=a&cluster=b&start-time=10-20&with-metadata=false&user=u&project=p")
            .unwrap()
            .wanted;
        assert_eq!(
            (all.states, all.cluster.as_deref()),
            (vec![JobState::Running, JobState::Failed], Some("a"))
        );
        assert_eq!((all.started_from, all.started_until, all.with_meta), (Some(10), Some(20), true));
        let page = read("items-per-page=5&page=3").unwrap().wanted;
        assert_eq!((page.most, page.skip), (Some(5), 10));
        assert_eq!(read("items-per-page=-1").unwrap().wanted.most, None);
        assert_eq!(read("page=0").unwrap().wanted.most, Some(0));
        assert_eq!(
            read("items-per-page=9223372036854775807&page=9223372036854775807").unwrap().wanted.skip,
            u64::MAX
        );
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        for query in [
            "foo=1",
            "state=bogus",
            "state=RUNNING",
            "state=",
            "state=running,failed",
            "start-time=1600000000",
            "start-time=a-b",
            "items-per-page=abc",
            "items-per-page=-2",
            "page=x",
        ] {
            assert!(read(query).is_err(), "{query}");
        }
    }
}
