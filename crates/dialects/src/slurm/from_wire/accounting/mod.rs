//! What is asked of accounting. Names of qualities of service and of resources are looked up here, so that what is not
//! known is refused at its place.

mod account;
mod association;
mod filter;
mod limits;
mod qos;
mod usage;
mod user;

pub(in crate::slurm) use account::{accounts, accounts_addition};
pub(in crate::slurm) use association::associations;
pub(in crate::slurm) use filter::association_filter;
pub(in crate::slurm) use qos::qualities;
pub(in crate::slurm) use usage::usage_wanted;
pub(in crate::slurm) use user::{level, users, users_addition};

use domain::Text;
use domain::accounting::{Books, ClusterWish, QosChoice, Trackable, WckeyWish, trackables};
use domain::cluster::Cluster;
use slurm_wire::accounting::cluster::ClusterRecInput;
use slurm_wire::accounting::wckey::WckeyInput;
use slurm_wire::words::ClusterFlag;
use slurm_wire::{NoVal, Report, error_number as number};

/// What names are looked up in.
pub(in crate::slurm) struct Known<'a> {
    books: &'a Books,
    resources: Vec<Trackable>,
    /// Names of qualities of service that the same request makes.
    coming: Vec<Text>,
}

impl<'a> Known<'a> {
    /// Takes what a cluster knows.
    pub(in crate::slurm) fn of(cluster: &'a Cluster) -> Self {
        Known { books: &cluster.books, resources: trackables(cluster), coming: Vec::new() }
    }

    /// Takes in that the same request makes qualities of service of these names.
    pub(in crate::slurm) fn with(mut self, coming: impl IntoIterator<Item = Text>) -> Self {
        self.coming.extend(coming);
        self
    }

    /// Checks the name of a quality of service, and notes if there is none.
    fn qos(&self, name: &str, place: &str, report: &mut Report) -> Option<Text> {
        let is_coming = self.coming.iter().any(|coming| coming.eq_ignore_ascii_case(name));
        if is_coming || self.books.qos_called(name).is_some() {
            return Some(Text::from(name));
        }
        report.error(number::QOS, format!("Unable to resolve QOS: {name}"), place);
        None
    }

    /// Reads which qualities of service are wished for: a sign before each adds it or takes it away.
    fn qos_choice(&self, names: &[Text], place: &str, report: &mut Report) -> Option<QosChoice> {
        if names.iter().any(|name| name.starts_with(['+', '-'])) {
            let changes = names.iter().map(|name| {
                let more = !name.starts_with('-');
                self.qos(name.trim_start_matches(['+', '-']), place, report).map(|name| (more, name))
            });
            return changes.collect::<Option<Vec<_>>>().map(QosChoice::Changed);
        }
        let named = names.iter().filter(|name| !name.is_empty()).map(|name| self.qos(name, place, report));
        named.collect::<Option<Vec<_>>>().map(QosChoice::These)
    }
}

/// Returns a text, empty where none was given.
fn text(text: Option<&Text>) -> Text {
    text.cloned().unwrap_or_default()
}

/// Reads a number that may be taken away: nothing for no change, and inside nothing for none.
fn change<T: Copy>(value: Option<NoVal<T>>) -> Option<Option<T>> {
    match value? {
        NoVal::Unset => None,
        NoVal::Set(number) => Some(Some(number)),
        NoVal::Infinite => Some(None),
    }
}

/// Reads clusters.
pub(in crate::slurm) fn clusters<'a>(all: impl IntoIterator<Item = &'a ClusterRecInput>) -> Vec<ClusterWish> {
    let one = |cluster: &ClusterRecInput| ClusterWish {
        name: text(cluster.name.as_ref()),
        external: cluster.flags.as_ref().is_some_and(|flags| flags.contains(ClusterFlag::External)),
    };
    all.into_iter().map(one).collect()
}

/// Reads workload keys.
pub(in crate::slurm) fn wckeys<'a>(all: impl IntoIterator<Item = &'a WckeyInput>) -> Vec<WckeyWish> {
    let one = |wckey: &WckeyInput| WckeyWish {
        cluster: text(wckey.cluster.as_ref()),
        user: text(wckey.user.as_ref()),
        name: text(wckey.name.as_ref()),
    };
    all.into_iter().map(one).collect()
}
