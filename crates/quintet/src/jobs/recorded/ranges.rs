//! Conditions on how large a job was, which the service does not look at: nodes, CPUs and time limits.

use super::RecordedArgs;
use super::line::amount;
use crate::usage::Usage;
use slurm_wire::NoVal;
use slurm_wire::accounting::job::Job;
use slurm_wire::time_text::limit_minutes;

/// Which sizes are meant; `None` for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges {
    nodes: Option<(u64, u64)>,
    cpus: Option<(u64, u64)>,
    /// Minutes.
    limit: Option<(u64, u64)>,
}

impl Ranges {
    /// Reads `2` and `2-4`, and time limits. A highest time limit alone means nothing, as in sacct.
    pub(super) fn read(args: &RecordedArgs) -> Result<Self, Usage> {
        let minutes = |text: &String| match limit_minutes(text) {
            Ok(NoVal::Set(minutes)) => Ok(u64::from(minutes)),
            Ok(NoVal::Infinite) => Ok(u64::MAX),
            _ => Err(Usage("Invalid time limit specification".to_owned())),
        };
        let least = args.timelimit_min.as_ref().map(minutes).transpose()?;
        let most = args.timelimit_max.as_ref().map(minutes).transpose()?;
        Ok(Ranges {
            nodes: args.nnodes.as_ref().map(|text| range(text, "node")).transpose()?,
            cpus: args.ncpus.as_ref().map(|text| range(text, "cpu")).transpose()?,
            limit: least.map(|least| (least, most.unwrap_or(least))),
        })
    }

    /// Tells whether a job is meant.
    pub(super) fn have(&self, job: &Job) -> bool {
        let within = |range: Option<(u64, u64)>, of: &dyn Fn() -> u64| {
            range.is_none_or(|(least, most)| (least..=most).contains(&of()))
        };
        let limit = || match job.time.limit {
            NoVal::Set(minutes) => minutes.into(),
            _ => u64::MAX,
        };
        within(self.nodes, &|| job.allocation_nodes.into())
            && within(self.cpus, &|| amount(&job.tres.allocated, "cpu").unwrap_or(0))
            && within(self.limit, &limit)
    }
}

fn range(text: &str, of: &str) -> Result<(u64, u64), Usage> {
    let number = |part: &str| {
        let wrong = || Usage(format!("Invalid numeric value \"{part}\" for requested {of} range."));
        part.trim().parse::<u64>().map_err(|_| wrong())
    };
    match text.split_once('-') {
        Some((least, most)) => Ok((number(least)?, number(most)?)),
        None => number(text).map(|count| (count, count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!((range("2", "node").unwrap(), range("2-4", "node").unwrap()), ((2, 2), (2, 4)));
        let wrong = range("x", "node").unwrap_err().to_string();
        assert_eq!(wrong, "Invalid numeric value \"x\" for requested node range.");
        let read = |least: Option<&str>, most: Option<&str>| {
            let text = |word: Option<&str>| word.map(str::to_owned);
            let args = RecordedArgs {
                timelimit_min: text(least),
                timelimit_max: text(most),
                ..RecordedArgs::default()
            };
            Ranges::read(&args).map(|read| read.limit).map_err(|error| error.to_string())
        };
        assert_eq!(read(Some("3"), None), Ok(Some((3, 3))));
        assert_eq!(read(Some("1"), Some("1-00:00:00")), Ok(Some((1, 1440))));
        assert_eq!(read(None, Some("5")), Ok(None));
        assert_eq!(read(Some("x"), None), Err("Invalid time limit specification".to_owned()));
    }
}
