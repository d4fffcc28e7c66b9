//! What collectors write.

use super::super::error::CockpitError;
use super::super::lines;
use super::Call;
use crate::http::answer::{Answer, empty};
use domain::ports::SeriesRefused;
use domain::service::Left;
use hyper::StatusCode;
use hyper::body::Incoming;

/// One body of lines.
const LARGEST: u64 = 32 << 20;

/// Takes in values as lines. Bad lines are named; the others are kept, and so are those of metrics that are watched while
/// others are passed over.
pub(crate) async fn write(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let mut cluster = None;
    for (name, value) in &call.query {
        match name.as_ref() {
            "cluster" => cluster = value.as_deref().map(str::to_owned).filter(|name| !name.is_empty()),
            // Clients of InfluxDB name these; times are read by their size.
            "precision" | "org" | "bucket" | "db" => {}
            _ => return Err(CockpitError::bad(format!("invalid query parameter: {name}"))),
        }
    }
    let body = call.read(body, LARGEST).await?;
    let now = call.site.jobs.clock().now();
    let (lines, left, refused) = call
        .apart(move |monitoring| {
            let (mut all, mut refused) = (Left::default(), 0);
            let lines = lines::read(&body, cluster.as_deref(), now, |samples| {
                match monitoring.write(samples) {
                    Ok(left) => all.senseless += left.senseless,
                    // Values of known series are among the others.
                    Err(SeriesRefused::TooManySeries { refused: more }) => refused += more,
                    Err(SeriesRefused::Store(error)) => return Err(CockpitError::from(error)),
                }
                Ok(())
            })?;
            Ok((lines, all, refused))
        })
        .await?;
    if refused > 0 {
        return Err(SeriesRefused::TooManySeries { refused }.into());
    }
    let Left { senseless, .. } = left;
    let (bad, count) = (lines.bad, lines.bad_count);
    if count == 0 && senseless == 0 {
        return Ok(empty(StatusCode::OK));
    }
    let mut why: Vec<String> = bad.iter().map(|(number, why)| format!("line {number}: {why}")).collect();
    if count > bad.len() {
        why.push(format!("{} more bad lines", count - bad.len()));
    }
    if senseless > 0 {
        why.push(format!("{senseless} values of times that lie ahead"));
    }
    Err(CockpitError::bad(why.join("; ")))
}
