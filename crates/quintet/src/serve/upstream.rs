//! A real Slurm cluster behind the Slurm dialect: what the dialect asks for in the words of the engine that asks it.

use crate::config::{Showing, Upstream as Configured};
use anyhow::Context;
use dialects::{Forward, Forwarded, Forwarding, Judging, NotForwarded, SlurmCluster};
use domain::ports::{Directory, Remote, Shelf};
use domain::service::JobService;
use engine::slurm::model::ClusterModel;
use engine::slurm::{
    Caller, ClientKey, Identity, Memory, Reply, Request, Slice, Trouble, Upstream, UpstreamConfig,
};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::Handle;

/// The shortest pause between looks at the cluster.
const LEAST_PAUSE: Duration = Duration::from_millis(500);

/// The way to the cluster.
pub(super) struct Behind {
    upstream: Arc<Upstream>,
    showing: Showing,
    max_age: Duration,
    longest_wait: Duration,
    /// The job service that follows the cluster, if one does.
    jobs: OnceLock<JobService>,
}

impl Behind {
    /// Opens it; `key` is the site's key, where it is used, and `shelf` where submissions are written down.
    pub(super) fn open(configured: Configured, key: &[u8], shelf: Arc<dyn Shelf>) -> anyhow::Result<Self> {
        let memory = Memory { most: configured.kept_keys, window: configured.key_window };
        let Configured { endpoints, showing, authority, .. } = configured;
        let identity = match &showing {
            Showing::Caller { .. } => Identity::Caller,
            Showing::Key { user } => Identity::Key { key: key.to_vec(), user: user.clone() },
            Showing::Service { file, user } => Identity::Service { file: file.clone(), user: user.clone() },
        };
        let config = UpstreamConfig {
            endpoints,
            authority,
            identity,
            max_age: configured.max_age,
            stale_for: configured.stale_for,
            timeout: configured.timeout,
            private_data: configured.private_data,
            rate: configured.rate,
        };
        let upstream = Upstream::open(config, Some((shelf, memory)))
            .context("open the way to the cluster of [engine.slurm]")?;
        let Configured { max_age, longest_wait, .. } = configured;
        Ok(Behind { upstream, showing, max_age, longest_wait, jobs: OnceLock::new() })
    }

    /// Tells whether the cluster can be asked for users who have no token of its own: then jobs can be followed, and the
    /// other interfaces stand on them.
    pub(super) fn acts_for_others(&self) -> bool {
        !matches!(self.showing, Showing::Caller { .. })
    }

    /// Returns the cluster as the job model asks it, and how often.
    pub(super) fn remote(&self, people: Arc<dyn Directory>) -> anyhow::Result<(Arc<dyn Remote>, Duration)> {
        let runtime = Handle::try_current().context("find the runtime on which the cluster is asked")?;
        let model = ClusterModel::new(Arc::clone(&self.upstream), runtime, people);
        Ok((Arc::new(model), self.max_age.max(LEAST_PAUSE)))
    }

    /// Lets a job service hear of what is changed over Slurm's interface.
    pub(super) fn tell(&self, jobs: JobService) {
        // Set once, when the service is opened.
        let _ = self.jobs.set(jobs);
    }

    /// Says who asks: users whose tokens were signed with a key that is ours are known.
    fn caller(&self, user: Option<String>, token: String, name: Option<String>) -> Caller {
        match (&self.showing, user) {
            (Showing::Caller { has_key: true }, Some(user)) => Caller::Own { user, token, name },
            // A key of this service's own says nothing about the cluster's users.
            (Showing::Caller { has_key: false }, _) | (_, None) => Caller::Unsure { token, name },
            (Showing::Key { .. } | Showing::Service { .. }, Some(user)) => Caller::Sure(user),
        }
    }

    /// Looks after what was submitted, for as long as the service runs.
    pub(super) async fn look_after(&self) {
        self.upstream.look_after().await;
    }

    fn request(&self, forward: Forward) -> Request {
        let Forward { user, token, name, fields, limit, cursor, .. } = forward;
        Request {
            method: forward.method,
            part: forward.part,
            version: forward.version,
            pattern: forward.pattern,
            parameter: forward.parameter,
            query: forward.query,
            content_type: forward.content_type,
            body: forward.body,
            accept: forward.accept,
            is_json: forward.is_json,
            caller: self.caller(user, token, name),
            is_fresh: forward.is_fresh,
            slice: Slice { fields, limit, cursor },
            known: forward.known,
            key: forward.key.map(|(key, content)| ClientKey { key, content }),
            takes_gzip: forward.takes_gzip,
            wait: forward.wait,
        }
    }
}

impl SlurmCluster for Behind {
    fn forward(&self, forward: Forward) -> Forwarding<'_> {
        let request = self.request(forward);
        let jobs = self.jobs.get().filter(|_| request.part == "slurm" && request.changes_something());
        Box::pin(async move {
            let reply = self.upstream.relay(request).await;
            // Whatever became of it.
            jobs.into_iter().for_each(JobService::hear_of_change);
            reply.map(forwarded).map_err(not_forwarded)
        })
    }

    fn knows<'a>(&'a self, token: &'a str, name: Option<&'a str>) -> Judging<'a> {
        Box::pin(self.upstream.knows(token, name))
    }

    fn longest_wait(&self) -> Duration {
        self.longest_wait
    }

    fn counts(&self) -> Vec<(&'static str, &'static str, u64)> {
        self.upstream.counts().into_iter().map(|count| (count.name, count.help, count.value)).collect()
    }
}

fn forwarded(reply: Reply) -> Forwarded {
    let Reply { status, content_type, body, is_gzip, age, tag, next } = reply;
    Forwarded { status, content_type, body, is_gzip, age, tag, next }
}

fn not_forwarded(trouble: Trouble) -> NotForwarded {
    match trouble {
        Trouble::Unreachable(why) => NotForwarded::Unreachable(why),
        Trouble::Unanswered(why) => NotForwarded::Unanswered(why),
        Trouble::Garbage(why) => {
            NotForwarded::Unanswered(format!("it sent something that is no answer: {why}"))
        }
        Trouble::TooMany(pause) => NotForwarded::TooMany(pause),
        Trouble::NoIdentity(why) => NotForwarded::NoIdentity(why),
        Trouble::NotOffered => NotForwarded::NotOffered,
        Trouble::KeyReused => NotForwarded::BadKey("Idempotency-Key has named another submission before"),
        Trouble::NoKeys => NotForwarded::BadKey("Idempotency-Key cannot be heeded: nothing is written down"),
        Trouble::NotMarked => NotForwarded::BadKey(
            "A submission with Idempotency-Key must be strict JSON with texts in comment and extra",
        ),
    }
}
