//! InfluxDB's line protocol, as ClusterCockpit's collectors send it (facts 5.1): one value of one metric a line. A bad line
//! is named, and the others are kept.

use domain::monitoring::{Component, Sample, Scope, SeriesKey};
use domain::{Text, Timestamp};
use std::borrow::Cow;

/// Lines that are named in an answer.
const NAMED: usize = 20;

/// Values that are handed on at once: a body has any number of them, and not all are held.
const AT_ONCE: usize = 4096;

/// What the lines of a body said besides values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lines {
    /// Bad lines: number, counted from one, and what is wrong.
    pub(super) bad: Vec<(usize, &'static str)>,
    /// How many bad lines there were.
    pub(super) bad_count: usize,
    /// Lines about hosts whose names are paths; they are passed over, as the original does.
    pub(super) skipped: usize,
}

/// Reads lines, and hands their values on; those that name no cluster are about this one.
///
/// # Errors
/// What `take` says: then no further lines are read.
pub(super) fn read<E>(
    body: &[u8],
    cluster: Option<&str>,
    now: Timestamp,
    mut take: impl FnMut(Vec<Sample>) -> Result<(), E>,
) -> Result<Lines, E> {
    let mut lines = Lines::default();
    let mut samples = Vec::with_capacity(AT_ONCE);
    for (number, line) in (1..).zip(body.split(|byte| *byte == b'\n')) {
        let Ok(line) = std::str::from_utf8(line) else {
            lines.note(number, "it is no UTF-8");
            continue;
        };
        let line = line.trim_end_matches('\r').trim_start_matches(' ');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match one(line, cluster, now) {
            Ok(Some(sample)) => samples.push(sample),
            Ok(None) => lines.skipped += 1,
            Err(why) => lines.note(number, why),
        }
        if samples.len() == AT_ONCE {
            take(std::mem::replace(&mut samples, Vec::with_capacity(AT_ONCE)))?;
        }
    }
    if !samples.is_empty() {
        take(samples)?;
    }
    Ok(lines)
}

impl Lines {
    fn note(&mut self, number: usize, why: &'static str) {
        self.bad_count += 1;
        if self.bad.len() < NAMED {
            self.bad.push((number, why));
        }
    }
}

/// Returns where this letter stands first, unless a backslash makes it harmless.
fn end_of(text: &str, end: u8) -> usize {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            byte if byte == end => return at,
            _ => {}
        }
    }
    text.len()
}

/// Returns where the fields end: at the first space that stands in no quotes.
fn end_of_fields(text: &str) -> usize {
    let mut is_quoted = false;
    let ends = |byte: u8| {
        is_quoted ^= byte == b'"';
        byte == b' ' && !is_quoted
    };
    text.bytes().position(ends).unwrap_or(text.len())
}

/// Takes backslashes away that stand before a comma, a space, an equals sign or another backslash.
fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('\\', Some(',' | ' ' | '=' | '\\')) => plain.extend(letters.next()),
            _ => plain.push(letter),
        }
    }
    Cow::Owned(plain)
}

fn split(text: &str, at: usize) -> (&str, &str) {
    let (before, rest) = text.split_at_checked(at).unwrap_or((text, ""));
    (before, rest.get(1..).unwrap_or_default())
}

#[derive(Default)]
struct Tags<'a> {
    cluster: Option<Cow<'a, str>>,
    host: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
    sub_kind: Option<Cow<'a, str>>,
    sub: Option<Cow<'a, str>>,
}

fn one(line: &str, cluster: Option<&str>, now: Timestamp) -> Result<Option<Sample>, &'static str> {
    let (head, rest) = split(line, end_of(line, b' '));
    let (metric, mut list) = split(head, end_of(head, b','));
    if metric.is_empty() {
        return Err("it names no metric");
    }
    let mut tags = Tags { cluster: cluster.map(Cow::Borrowed), ..Tags::default() };
    while !list.is_empty() {
        let (tag, more) = split(list, end_of(list, b','));
        list = more;
        let (name, value) = split(tag, end_of(tag, b'='));
        if name.is_empty() || value.is_empty() {
            return Err("a tag has no name or no value");
        }
        let place = match name {
            "cluster" => &mut tags.cluster,
            "hostname" | "host" => &mut tags.host,
            "type" => &mut tags.kind,
            "type-id" => &mut tags.id,
            "stype" => &mut tags.sub_kind,
            "stype-id" => &mut tags.sub,
            _ => continue,
        };
        *place = Some(plain(value));
    }
    let rest = rest.trim_start_matches(' ');
    let (field, time) = split(rest, end_of_fields(rest));
    let value = value(field)?;
    let at = match time.trim() {
        "" => now,
        time => moment(time)?,
    };
    let cluster = tags.cluster.ok_or("it names no cluster")?;
    let host = tags.host.ok_or("it names no host")?;
    if [&cluster, &host].into_iter().any(|name| name.contains(['/', '\\', '\0']) || name.contains("..")) {
        return Ok(None);
    }
    let component = component(tags.kind.as_deref(), tags.id, tags.sub_kind, tags.sub)?;
    let key = SeriesKey {
        cluster: cluster.into(),
        host: host.into(),
        job: None,
        component,
        metric: plain(metric).into(),
    };
    Ok(Some(Sample { key, at, value }))
}

fn component(
    kind: Option<&str>,
    id: Option<Cow<'_, str>>,
    sub_kind: Option<Cow<'_, str>>,
    sub: Option<Cow<'_, str>>,
) -> Result<Component, &'static str> {
    let scope = match kind {
        None => Scope::Node,
        // Dies and last-level caches are no scopes of their own.
        Some("die" | "llc") => Scope::MemoryDomain,
        Some(kind) => Scope::named(kind)
            .ok_or("its type is none of node, socket, memoryDomain, core, hwthread and accelerator")?,
    };
    let id: Text = match scope {
        Scope::Node => Text::default(),
        _ => id.ok_or("it has a type and no type-id")?.into(),
    };
    let sub = match (sub_kind, sub) {
        (None, None) => None,
        (kind, name) => Some((kind.unwrap_or_default().into(), name.unwrap_or_default().into())),
    };
    Ok(Component { scope, id, sub })
}

/// Reads the only field there may be.
fn value(field: &str) -> Result<f64, &'static str> {
    let (name, value) = split(field, end_of(field, b'='));
    if name != "value" {
        return Err("it has not the one field that is called value");
    }
    if end_of(value, b',') < value.len() {
        return Err("it has more than one field");
    }
    let number = match value.strip_suffix(['i', 'u']) {
        Some(whole) => whole.parse::<i64>().ok().map(|whole| whole as f64),
        None => value.parse::<f64>().ok(),
    };
    number.filter(|number| number.is_finite()).ok_or("its value is no finite number")
}

/// Reads a time: seconds, milliseconds, microseconds or nanoseconds since 1970, as their size tells.
fn moment(text: &str) -> Result<Timestamp, &'static str> {
    let number: i64 = text.parse().map_err(|_| "its time is no number")?;
    let micros = match number.unsigned_abs() {
        0..100_000_000_000 => number.checked_mul(1_000_000),
        100_000_000_000..100_000_000_000_000 => number.checked_mul(1_000),
        100_000_000_000_000..100_000_000_000_000_000 => Some(number),
        _ => Some(number / 1_000),
    };
    micros.map(Timestamp::from_micros).ok_or("its time is no number")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    /// Reads everything.
    fn all(body: &[u8], cluster: Option<&str>) -> (Vec<Sample>, Lines) {
        let mut samples = Vec::new();
        let read = read(body, cluster, NOW, |some| {
            samples.extend(some);
            Ok::<(), std::convert::Infallible>(())
        });
        (samples, read.unwrap())
    }

    fn good(line: &str) -> Sample {
        let (samples, lines) = all(line.as_bytes(), Some("fallback"));
        assert_eq!(lines.bad, [], "{line}");
        samples.into_iter().next().unwrap()
    }

    #[test]
    fn lines_of_collectors_are_read() {
        let sample = good("cpu_load,cluster=fritz,hostname=n1,type=node,type-id=0 value=2.5 1725620476");
        assert_eq!((sample.key.cluster.as_str(), sample.key.host.as_str()), ("fritz", "n1"));
        assert_eq!((sample.key.component, sample.value), (Component::NODE, 2.5));
        assert_eq!(sample.at, Timestamp::from_seconds(1_725_620_476));
        let sample = good("flops_any,type-id=7,type=hwthread,host=n1,extra=x value=4i");
        assert_eq!((sample.key.cluster.as_str(), sample.value, sample.at), ("fallback", 4.0, NOW));
        assert_eq!((sample.key.component.scope, sample.key.component.id.as_str()), (Scope::HwThread, "7"));
        let sample =
            good("read_bw,hostname=n1,stype=filesystem,stype-id=/home\\ 2 value=-1e3 1725620476000000000");
        assert_eq!(sample.key.component.sub, Some(("filesystem".into(), "/home 2".into())));
        assert_eq!((sample.value, sample.at), (-1000.0, Timestamp::from_seconds(1_725_620_476)));
        for time in ["1725620476000", "1725620476000000"] {
            assert_eq!(good(&format!("m,host=h value=1 {time}")).at, Timestamp::from_seconds(1_725_620_476));
        }
    }

    #[test]
    fn bad_lines_are_named_and_the_others_kept() {
        let body = "a,host=h value=1\n\nb,host=h value=\"text\"\r\n,host=h value=1\nc,host=h other=1\n\
            d,host=h value=1,more=2\ne value=1\nf,host=h value=NaN\ng,host=h value=1 noon\nh,host=h,type=moon value=1\n\
            i,host=h,type=core value=1\nj,host=../etc value=1\nk,host= value=1\nl,host=h value=2\r\nm";
        let (samples, lines) = all(body.as_bytes(), Some("c"));
        let names: Vec<&str> = samples.iter().map(|sample| sample.key.metric.as_str()).collect();
        assert_eq!((names, lines.skipped), (vec!["a", "l"], 1));
        let numbers: Vec<usize> = lines.bad.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15]);
        assert_eq!(all(b"m,host=h value=1", None).1.bad, [(1, "it names no cluster")]);
        let many = all("x\n".repeat(1000).as_bytes(), None).1;
        assert_eq!((many.bad.len(), many.bad_count), (NAMED, 1000));
        assert_eq!(all(&[0xff, 0xfe], None).1.bad_count, 1);
    }
}
