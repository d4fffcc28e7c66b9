//! Walks along the rows of finished attempts, in order, and gathers those that fit: through the blocks that may have
//! such, row by row as long as many fit, and along an index when few do.

use super::attempt::BLOCK;
use super::query::{Index, MANY_VALUES, Query};
use crate::database::Unread;
use domain::JobId;
use domain::history::{Order, Wanted};
use domain::ports::Key;
use rusqlite::Connection;
use std::ops::ControlFlow;

/// Rows that are looked at one by one before an index is asked: it has to be asked for many values, each of which is a
/// search of its own.
const FEW: i64 = 4 * BLOCK;
/// Rows among which it is counted how many each of several indexes would have looked at.
const SAMPLE: i64 = 64 * BLOCK;
/// As many of them say that an index leaves out little.
const ENOUGH: i64 = SAMPLE / 8;
/// Most rows that are asked for at once.
const MANY: i64 = 1 << 24;

/// A first row and a last one.
type Span = (i64, i64);

/// Rows of blocks that all lie within the times wanted, or may not.
#[derive(Clone, Copy)]
struct Range {
    first: i64,
    last: i64,
    is_within: bool,
}

/// Rows that are handed over at once, as soon as they are found.
const HANDFUL: usize = 25;

/// What takes what was found, and says whether more is wanted.
type Take<'a, Found> = &'a mut dyn FnMut(&[Found]) -> Result<ControlFlow<()>, Unread>;

/// Returns the rows that fit and whose they are, in the order and as many as wanted.
pub(super) fn keys(connection: &Connection, wanted: &Wanted) -> Result<Vec<Key>, Unread> {
    let mut found = Vec::new();
    walk(connection, wanted, "job", &mut |keys| {
        found.extend_from_slice(keys);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// Hands the rows that fit over as they are found, in the order and as many as wanted.
pub(super) fn rows(connection: &Connection, wanted: &Wanted, take: Take<'_, u64>) -> Result<(), Unread> {
    // Whose they are stands in the rows themselves, which need not be read if an index says that they fit.
    let mut rows = Vec::with_capacity(HANDFUL);
    walk(connection, wanted, "0", &mut |keys| {
        rows.clear();
        rows.extend(keys.iter().map(|key| key.row));
        take(&rows)
    })
}

/// Hands over rows that fit and what a column says.
fn walk(
    connection: &Connection,
    wanted: &Wanted,
    column: &'static str,
    take: Take<'_, Key>,
) -> Result<(), Unread> {
    let Some(query) = Query::of(wanted, connection)? else { return Ok(()) };
    let mut walk = Walk {
        connection,
        query,
        column,
        index: None,
        order: wanted.order,
        missing: wanted.limit,
        way: Way::Scan,
        span: FEW,
        found: Vec::with_capacity(HANDFUL),
        take,
    };
    let bounds = walk.bounds(wanted.after)?;
    if !wanted.jobs.is_empty() {
        let (first, last) = bounds;
        walk.step(Range { first, last, is_within: false }, Way::Named)?;
        return walk.hand_over();
    }
    // Most pages are full after few blocks.
    let (mut rest, mut blocks) = (Some(bounds), SAMPLE / BLOCK);
    let mut is_chosen = false;
    while let Some(bounds) = rest.filter(|_| !walk.is_done()) {
        let ranges;
        (ranges, rest) = walk.ranges(bounds, blocks)?;
        if !is_chosen {
            walk.choose(&ranges)?;
            is_chosen = true;
        }
        for range in ranges {
            if walk.is_done() {
                break;
            }
            walk.range(range)?;
        }
        blocks = (blocks * 8).min(MANY / BLOCK);
    }
    walk.hand_over()
}

struct Walk<'a> {
    connection: &'a Connection,
    query: Query,
    column: &'static str,
    /// The index to walk along, by its place in the query's list.
    index: Option<usize>,
    order: Order,
    /// How many more are wanted.
    missing: usize,
    /// How the next rows are come to, and how many of them at once, where the index has them in no order.
    way: Way,
    span: i64,
    /// Those that have not been handed over.
    found: Vec<Key>,
    take: Take<'a, Key>,
}

/// How to come to the rows.
#[derive(Clone, Copy)]
enum Way {
    /// One by one.
    Scan,
    /// Along the index.
    Index,
    /// The condition names them.
    Named,
}

impl Walk<'_> {
    /// Returns the first and the last row that may be wanted.
    fn bounds(&self, after: Option<u64>) -> Result<(i64, i64), Unread> {
        let sql = "SELECT coalesce((SELECT min(id) FROM past), 1), coalesce((SELECT max(id) FROM past), 0)";
        let mut statement = self.connection.prepare_cached(sql)?;
        let (first, last): (i64, i64) = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let Some(after) = after else { return Ok((first, last)) };
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        Ok(match self.order {
            Order::OldestFirst => (first.max(after.saturating_add(1)), last),
            Order::LatestFirst => (first, last.min(after.saturating_sub(1))),
        })
    }

    /// Returns the next runs of blocks that may have rows at the times wanted, of so many blocks at most, in the order of
    /// the walk, and between which rows others may be.
    fn ranges(&self, (first, last): Span, most: i64) -> Result<(Vec<Range>, Option<Span>), Unread> {
        let Query { blocks, within, .. } = &self.query;
        if blocks.is_empty() {
            return Ok((vec![Range { first, last, is_within: false }], None));
        }
        let within = if within.is_empty() { "0" } else { within };
        let direction = self.direction();
        let sql = format!(
            "SELECT id, {within} FROM block WHERE id BETWEEN ?1 AND ?2 AND {blocks} ORDER BY id {direction} LIMIT ?3"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([first / BLOCK, last / BLOCK, most])?;
        let mut ranges: Vec<Range> = Vec::new();
        let mut left = most;
        while let Some(row) = rows.next()? {
            let (block, is_within): (i64, bool) = (row.get(0)?, row.get(1)?);
            let (from, to) = (first.max(block * BLOCK), last.min(block * BLOCK + BLOCK - 1));
            match ranges.last_mut().filter(|range| range.is_within == is_within) {
                Some(range) if range.last + 1 == from => range.last = to,
                Some(range) if to + 1 == range.first => range.first = from,
                _ => ranges.push(Range { first: from, last: to, is_within }),
            }
            left -= 1;
        }
        let behind = ranges.last().map(|range| match self.order {
            Order::OldestFirst => (range.last + 1, last),
            Order::LatestFirst => (first, range.first - 1),
        });
        Ok((ranges, behind.filter(|(first, last)| left == 0 && first <= last)))
    }

    /// Chooses the index that leaves the fewest rows of those that come first.
    fn choose(&mut self, ranges: &[Range]) -> Result<(), Unread> {
        let Some(Range { first, last, .. }) = ranges.first().copied() else { return Ok(()) };
        let (from, to) = match self.order {
            Order::OldestFirst => (first, last.min(first.saturating_add(SAMPLE - 1))),
            Order::LatestFirst => (first.max(last.saturating_sub(SAMPLE - 1)), last),
        };
        let indexes = &self.query.indexes;
        let mut fewest = None;
        for (place, index) in indexes.iter().enumerate() {
            let rows: i64 = match indexes.len() {
                1 => 0,
                _ => {
                    let sql = format!(
                        "SELECT count(*) FROM (SELECT 1 FROM {} WHERE {} AND id BETWEEN ?1 AND ?2 LIMIT ?3)",
                        index.table(),
                        index.condition
                    );
                    self.connection.query_row(&sql, [from, to, ENOUGH], |row| row.get(0))?
                }
            };
            let rank = (rows, index.values > 1, place);
            fewest = Some(fewest.map_or(rank, |fewest: (i64, bool, usize)| fewest.min(rank)));
        }
        self.index = fewest.map(|(.., place)| place);
        if self.index().is_some_and(|index| index.values < MANY_VALUES) {
            self.way = Way::Index;
        }
        Ok(())
    }

    fn index(&self) -> Option<&Index> {
        self.index.and_then(|place| self.query.indexes.get(place))
    }

    /// Walks along one range.
    fn range(&mut self, range: Range) -> Result<(), Unread> {
        if self.index().is_some_and(|index| index.values == 1) {
            return self.step(range, Way::Index);
        }
        let mut rest = range;
        while rest.first <= rest.last && !self.is_done() {
            let (before, mut part) = (self.missing, rest);
            match self.order {
                Order::OldestFirst => part.last = rest.last.min(rest.first.saturating_add(self.span - 1)),
                Order::LatestFirst => part.first = rest.first.max(rest.last.saturating_sub(self.span - 1)),
            }
            self.step(part, self.way)?;
            match self.order {
                Order::OldestFirst => rest.first = part.last + 1,
                Order::LatestFirst => rest.last = part.first - 1,
            }
            if self.index.is_some() {
                self.way = Way::Index;
                self.span = self.span(part.last - part.first + 1, before - self.missing);
            } else {
                self.span = (self.span * 4).min(MANY);
            }
        }
        Ok(())
    }

    /// Returns how many rows to ask the index for, given what the last ones brought.
    fn span(&self, looked_at: i64, found: usize) -> i64 {
        let missing = i64::try_from(self.missing).unwrap_or(MANY).min(MANY);
        let found = i64::try_from(found).unwrap_or(MANY);
        match found {
            0 => looked_at.saturating_mul(8).clamp(FEW, MANY),
            // A quarter more than that many should be among.
            found => {
                (looked_at.saturating_mul(missing) / found).saturating_mul(5).div_euclid(4).clamp(FEW, MANY)
            }
        }
    }

    fn step(&mut self, range: Range, way: Way) -> Result<(), Unread> {
        let query = &self.query;
        let (table, condition) = match (way, self.index()) {
            (Way::Index, Some(index)) => {
                (index.table(), format!("{} AND {}", index.condition, query.rest(index, range.is_within)))
            }
            (Way::Named, _) => ("past".to_owned(), query.condition()),
            _ => ("past NOT INDEXED".to_owned(), query.condition()),
        };
        let (order, column) = (self.direction(), self.column);
        let limit = i64::try_from(self.missing).unwrap_or(i64::MAX);
        let sql = format!(
            "SELECT id, {column} FROM {table} WHERE id BETWEEN ?1 AND ?2 AND {condition} ORDER BY id {order} LIMIT ?3"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([range.first, range.last, limit])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            self.found.push(Key { job: JobId(row.get(1)?), row: u64::try_from(id).unwrap_or(0) });
            self.missing -= 1;
            if self.found.len() == HANDFUL {
                self.hand_over()?;
                if self.is_done() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Hands over what was found since the last time.
    fn hand_over(&mut self) -> Result<(), Unread> {
        if !self.found.is_empty() && (self.take)(&self.found)?.is_break() {
            self.missing = 0;
        }
        self.found.clear();
        Ok(())
    }

    fn direction(&self) -> &'static str {
        if self.order == Order::LatestFirst { "DESC" } else { "ASC" }
    }

    fn is_done(&self) -> bool {
        self.missing == 0
    }
}
