//! `POST node/{node_name}` and `POST nodes/`: changing nodes; `POST new/node/` and `DELETE node/{node_name}`: making them
//! and taking them away.

use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::from_wire::{self, BadLine};
use domain::service::{NodeChoice, NodeUpdate};
use domain::{Problem, Text};
use slurm_wire::error_number as number;
use slurm_wire::hostlist::fold;
use slurm_wire::node::{CreateNodeReq, UpdateNodeMsg};

/// Changes a node, or those of an expression in the path.
pub(super) async fn update_one(mut call: Call<'_>) -> Answer {
    let Some(wanted) = call.read::<UpdateNodeMsg>() else { return call.fail() };
    if let Some(names) = &wanted.name {
        let names = fold(names.as_slice());
        call.report
            .warn(format!("node_names field {names} ignored for singular node update"), "_update_node");
    }
    let named = Text::from(call.parameter);
    update(call, wanted, std::slice::from_ref(&named), &named, "_update_node").await
}

/// Changes the nodes that the body names.
pub(super) async fn update_many(mut call: Call<'_>) -> Answer {
    let Some(wanted) = call.read::<UpdateNodeMsg>() else { return call.fail() };
    let names = wanted.name.as_ref().map(|names| names.as_slice().to_vec());
    let shown = match &names {
        Some(names) if names.iter().any(|name| name.is_empty()) => Text::const_new("(null)"),
        Some(names) => fold(names).into(),
        None => Text::const_new("(null)"),
    };
    update(call, wanted, &names.unwrap_or_default(), &shown, "_update_nodes").await
}

async fn update(
    mut call: Call<'_>,
    wanted: UpdateNodeMsg,
    names: &[Text],
    shown: &str,
    source: &'static str,
) -> Answer {
    let unable = format!("Failure to update node {shown}");
    let Some(by) = call.trusted(&unable, source) else { return call.fail() };
    let has_unknown_state = call.report.errors.iter().any(|error| error.source.starts_with("#/state["));
    let read = match by.is_administrator() {
        true => from_wire::node_choice(names)
            .and_then(|choice| Ok((choice, from_wire::node_update(wanted, has_unknown_state)?))),
        false => Ok(nothing()),
    };
    let done = match read {
        Ok((choice, update)) => call.site.jobs.update_nodes(&by, choice, update).await,
        Err(problem) => Err(problem.into()),
    };
    if let Err(why) = done {
        call.refused(&why, &unable, source);
    }
    call.fail()
}

/// Stands for what those ask for who may not change nodes: they are refused, and their lists are not looked at.
fn nothing() -> (NodeChoice, NodeUpdate) {
    (NodeChoice::Named(Vec::new()), NodeUpdate::default())
}

/// Makes nodes as a line of the original's configuration describes them.
pub(super) async fn create(mut call: Call<'_>) -> Answer {
    let Some(wanted) = call.read::<CreateNodeReq>() else { return call.fail() };
    let (failed, source) = ("Failure to create node", "_create_node");
    let Some(by) = call.trusted(failed, source) else { return call.fail() };
    let line = wanted.node_conf.unwrap_or_default();
    let read = match by.is_administrator() {
        true => from_wire::new_nodes(&line),
        // Who may not make any is told no more, and nothing is made of their line.
        false => Ok(Vec::new()),
    };
    let nodes = match read {
        Ok(nodes) => nodes,
        Err(BadLine::Unreadable) => {
            call.numbered(number::UNSPECIFIED, failed, source);
            return call.fail();
        }
        Err(BadLine::State(state)) => {
            call.refused(&Problem::BadNodeKind(state).into(), failed, source);
            return call.fail();
        }
        Err(BadLine::Unsupported(key)) => {
            call.refused(&Problem::Unsupported(key).into(), failed, source);
            return call.fail();
        }
    };
    if let Err(why) = call.site.jobs.make_nodes(&by, nodes).await {
        call.refused(&why, failed, source);
    }
    call.fail()
}

/// Takes nodes away that were made at run time.
pub(super) async fn remove(mut call: Call<'_>) -> Answer {
    let named = Text::from(call.parameter);
    let (failed, source) = (format!("Failure to delete node {named}"), "op_handler_node");
    let Some(by) = call.trusted(&failed, source) else { return call.fail() };
    let choice = match by.is_administrator() {
        true => from_wire::node_choice(std::slice::from_ref(&named)),
        false => Ok(nothing().0),
    };
    let done = match choice {
        Ok(choice) => call.site.jobs.remove_nodes(&by, choice).await,
        Err(problem) => Err(problem.into()),
    };
    if let Err(why) = done {
        call.refused(&why, &failed, source);
    }
    call.fail()
}
