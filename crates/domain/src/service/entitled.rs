//! Whether a job may be charged as it says, and whether limits leave room for it: what of accounting is looked at when a job
//! comes and when it is changed.

use super::ledger::Ledger;
use crate::accounting::{Line, Wanted, barred};
use crate::cluster::Cluster;
use crate::job::{ArrayPart, Change, Job, JobSpec, Reason};
use crate::who::Principal;
use crate::{Error, Problem, Text};

/// Checks that a job may be charged as it says: association, quality of service and workload key, as far as that is
/// enforced.
///
/// # Errors
/// [`Problem::BadAccount`], [`Problem::BadQos`], [`Problem::BadWckey`].
pub(super) fn check_entitled(spec: &JobSpec, cluster: &Cluster) -> Result<(), Error> {
    for partition in &spec.partitions {
        match barred(spec, partition, cluster) {
            Some(Reason::InvalidAccount) => return Err(Problem::BadAccount(spec.account.clone()).into()),
            Some(_) => return Err(Problem::BadQos(spec.qos.clone()).into()),
            None => {}
        }
    }
    // A star marks a key that nobody named.
    let key = spec.wckey.strip_prefix('*').unwrap_or(&spec.wckey);
    if cluster.enforcement.wckeys && cluster.books.wckey(&spec.owner.name, key).is_none() {
        return Err(Problem::BadWckey(spec.wckey.clone()).into());
    }
    Ok(())
}

impl Ledger<'_> {
    /// Checks what accounting limits: how many jobs there are, and, where that is refused, how much a job may ask for.
    /// `counted` is the line by which these jobs are counted already.
    ///
    /// # Errors
    /// [`Problem::OverLimit`].
    pub(super) fn check_limits(
        &self,
        spec: &JobSpec,
        array: Option<&ArrayPart>,
        counted: Option<&Line>,
    ) -> Result<(), Error> {
        let (cluster, usage) = (self.cluster(), self.state().usage());
        if !cluster.enforcement.limits {
            return Ok(());
        }
        let over = |reason: Reason| Problem::OverLimit(Text::const_new(reason.name()));
        let line = usage.line_for(cluster, spec);
        let jobs = match array {
            Some(ArrayPart::Pool { waiting, .. }) => waiting.len(),
            _ => 1,
        };
        usage.may_submit(&line, jobs, counted).map_err(over)?;
        let Some(partition) = cluster.partition(spec.partition()) else { return Ok(()) };
        if line.denies() {
            let wanted = Wanted::by(spec, cluster, partition, (usage.numbers(), &line));
            usage.could_ever_start(&line, &wanted).map_err(over)?;
        }
        let is_strict = cluster.qos_flags(&spec.qos).enforce_usage_threshold;
        if is_strict && self.state().is_over_share(&line) {
            return Err(over(Reason::QosUsageThreshold).into());
        }
        Ok(())
    }

    /// Checks the whole of what a waiting job would become against what is enforced. Operators may let a job become what
    /// then waits for its limit.
    ///
    /// # Errors
    /// As of [`check_entitled`] and [`Ledger::check_limits`].
    pub(super) fn check_charge(&self, by: &Principal, job: &Job, changes: &[Change]) -> Result<(), Error> {
        let is_charge = |change: &Change| {
            matches!(change, Change::Account(_) | Change::Qos(_) | Change::Partitions(_) | Change::Wckey(_))
        };
        let is_charged_otherwise = changes.iter().any(is_charge);
        if !job.is_pending() || !(is_charged_otherwise || self.cluster().enforcement.limits) {
            return Ok(());
        }
        let outcome = changes.iter().cloned().fold(job.clone(), Job::changed);
        if is_charged_otherwise {
            check_entitled(&outcome.spec, self.cluster())?;
        }
        if by.is_operator() {
            return Ok(());
        }
        let counted = self.state().usage().line_for(self.cluster(), &job.spec);
        self.check_limits(&outcome.spec, job.array.as_ref(), Some(&counted))
    }
}
