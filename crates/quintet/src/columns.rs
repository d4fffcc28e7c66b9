//! Rows under named columns, as sacctmgr, sacct and sreport write them: columns of a width, or bars between fields for
//! programs. Tables for people are in `terminal`.

/// A field that rows of a kind can show.
pub(crate) struct Field<R: ?Sized> {
    /// What it is called, its first name first; any case, and the beginning will do.
    pub(crate) names: &'static [&'static str],
    /// What stands above it.
    pub(crate) header: &'static str,
    /// Letters; negative for words that begin at the left.
    pub(crate) width: i32,
    /// Its text.
    pub(crate) value: fn(&R) -> String,
}

/// A field as it was asked for.
pub(crate) struct Column<'a, R: ?Sized> {
    field: &'a Field<R>,
    width: i32,
}

/// A field that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UnknownField(pub(crate) String);

/// How rows are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// What stands between fields; `None` for columns of a width.
    pub(crate) between: Option<String>,
    /// Whether the last field is followed by it, too.
    pub(crate) behind: bool,
    /// Whether names stand above.
    pub(crate) header: bool,
}

impl<R: ?Sized> Column<'_, R> {
    /// Returns it with another width.
    pub(crate) fn wide(self, width: i32) -> Self {
        Column { width, ..self }
    }

    /// Returns how many letters it has.
    pub(crate) fn width(&self) -> i32 {
        self.width
    }

    /// Returns what a row has in it.
    pub(crate) fn text(&self, row: &R) -> String {
        (self.field.value)(row)
    }

    /// Returns the first name of its field.
    pub(crate) fn name(&self) -> &'static str {
        self.field.names.first().copied().unwrap_or_default()
    }
}

/// Finds a field by its name or the beginning of one; of several the first.
pub(crate) fn field<'a, R: ?Sized>(name: &str, fields: &'a [Field<R>]) -> Option<&'a Field<R>> {
    const SHORTEST: usize = 2;
    let is = |known: &&str| known.eq_ignore_ascii_case(name);
    let begins = |known: &&str| {
        name.len() >= SHORTEST && known.get(..name.len()).is_some_and(|part| part.eq_ignore_ascii_case(name))
    };
    let exact = fields.iter().find(|field| field.names.iter().any(is));
    exact.or_else(|| fields.iter().find(|field| field.names.iter().any(begins)))
}

/// Reads `jobid,state%20,nodes%-30`.
///
/// # Errors
/// The name of a field that there is not.
pub(crate) fn chosen<'a, R: ?Sized>(
    format: &str,
    fields: &'a [Field<R>],
) -> Result<Vec<Column<'a, R>>, UnknownField> {
    let one = |text: &str| {
        let (name, width) = match text.split_once('%') {
            Some((name, width)) => (name, width.parse::<i32>().ok().filter(|width| width.abs() <= 4096)),
            None => (text, None),
        };
        let field = field(name, fields).ok_or_else(|| UnknownField(name.to_owned()))?;
        Ok(Column { field, width: width.filter(|width| *width != 0).unwrap_or(field.width) })
    };
    format.split(',').map(str::trim).filter(|text| !text.is_empty()).map(one).collect()
}

/// Writes rows.
pub(crate) fn written<R>(columns: &[Column<'_, R>], rows: &[R], shape: &Shape) -> String {
    let mut text = String::new();
    if shape.header {
        let headers = columns.iter().map(|column| column.field.header.to_owned());
        line(&mut text, columns, headers, shape, cut);
        if shape.between.is_none() {
            let rules = columns.iter().map(|column| "-".repeat(column.width.unsigned_abs() as usize));
            line(&mut text, columns, rules, shape, cut);
        }
    }
    for row in rows {
        line(&mut text, columns, columns.iter().map(|column| (column.field.value)(row)), shape, marked);
    }
    text
}

fn line<R>(
    text: &mut String,
    columns: &[Column<'_, R>],
    cells: impl Iterator<Item = String>,
    shape: &Shape,
    shorten: fn(String, usize) -> String,
) {
    let last = columns.len().saturating_sub(1);
    for (at, (column, cell)) in columns.iter().zip(cells).enumerate() {
        match &shape.between {
            Some(between) => {
                text.push_str(&cell);
                if at < last || shape.behind {
                    text.push_str(between);
                }
            }
            None => {
                let width = column.width.unsigned_abs() as usize;
                let cell = shorten(cell, width);
                let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
                let (before, after) = if column.width < 0 { ("", &*padding) } else { (&*padding, "") };
                text.push_str(before);
                text.push_str(&cell);
                text.push_str(after);
                text.push(' ');
            }
        }
    }
    text.push('\n');
}

fn cut(cell: String, width: usize) -> String {
    cell.chars().take(width).collect()
}

/// Marks what was cut off with a plus sign.
fn marked(cell: String, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell;
    }
    let mut cell = cut(cell, width.saturating_sub(1));
    cell.push('+');
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field<(u32, &str)>] = &[
        Field { names: &["JobID"], header: "JobID", width: -6, value: |row| row.0.to_string() },
        Field { names: &["State"], header: "State", width: 5, value: |row| row.1.to_owned() },
        Field { names: &["StateRaw", "SR"], header: "StateRaw", width: 5, value: |row| row.1.to_lowercase() },
    ];

    fn shape(between: Option<&str>, behind: bool) -> Shape {
        Shape { between: between.map(str::to_owned), behind, header: true }
    }

    #[test]
    fn columns_have_a_width() {
        let rows = [(12, "OK"), (1_234_567, "COMPLETED")];
        let columns = chosen("job,state,sr%-4", FIELDS).unwrap();
        let wanted = "JobID  State Stat \n------ ----- ---- \n12        OK ok   \n12345+ COMP+ com+ \n";
        assert_eq!(written(&columns, &rows, &shape(None, false)), wanted);
        assert_eq!(
            written(&columns, &rows[..1], &shape(Some("|"), true)),
            "JobID|State|StateRaw|\n12|OK|ok|\n"
        );
        assert_eq!(
            written(&columns, &rows[..1], &shape(Some(";;"), false)),
            "JobID;;State;;StateRaw\n12;;OK;;ok\n"
        );
    }

    #[test]
    fn fields_are_found_by_their_beginning() {
        let name = |text: &str| field(text, FIELDS).map(|field| field.names[0]);
        assert_eq!(name("STATE"), Some("State"));
        assert_eq!(name("stater"), Some("StateRaw"));
        assert_eq!(name("st"), Some("State"));
        assert_eq!((name("s"), name("x"), name("States")), (None, None, None));
        assert_eq!(chosen("state,nope", FIELDS).err(), Some(UnknownField("nope".into())));
    }
}
