//! A run that goes on with less: its control group is held to other limits, and tasks of its steps on nodes that it has
//! no more are killed. Told twice, it does no harm.

use super::daemon::log;
use super::runs::State;
use super::serve::Launcher;
use crate::launch::Limits;
use crate::run::RunId;

impl Launcher {
    /// Holds a run to these limits, and to the nodes of these names.
    pub(super) fn narrow(&mut self, id: RunId, limits: &Limits, nodes: &[String]) {
        // First, as what is killed gives back its memory.
        self.lose_nodes(id, nodes);
        let Some(run) = self.runs.by_id.get_mut(&id).filter(|run| run.is_live()) else { return };
        // Its folder will be made by what it was launched with.
        if let State::Hooked(waiting) = &mut run.state {
            return waiting.narrow(limits);
        }
        let Some(folder) = &mut run.folder else { return };
        if let Err(error) = folder.narrow(&self.hierarchy, id, limits) {
            // Above its new limit a run of the old tree stays as it was.
            log(self.options.slot, format_args!("run {id} keeps a wider limit: {error}"));
        }
    }
}
