//! Answers messages: what tasks have put, and who waits for whom. A message in, answers out.

use super::wire::{Message, Version};
use std::collections::HashMap;

/// Longest name of a space of keys, key, and value that tasks may use; MPICH's own process manager says the same.
const LIMITS: [(&str, u32); 3] = [("kvsname_max", 256), ("keylen_max", 64), ("vallen_max", 1024)];
/// Where the tasks are, as MPICH asks for it.
const MAPPING: &str = "PMI_process_mapping";

/// What follows from a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// A task is answered.
    Answer(usize, Message),
    /// A task speaks the second form from its next message on.
    SpeaksTwo(usize),
    /// A task wants the whole step to end.
    Abort(usize, String),
}

/// A key's value that a task waits for.
#[derive(Debug)]
struct Waiting {
    task: usize,
    key: String,
    thread: Option<String>,
}

/// The state of a step's tasks.
#[derive(Debug)]
pub(super) struct Server {
    name: String,
    /// For each task, its node.
    nodes: Vec<u32>,
    versions: Vec<Version>,
    values: HashMap<String, String>,
    of_node: HashMap<(u32, String), String>,
    /// Who has come to the barrier, with what has to be repeated in the answer.
    at_barrier: HashMap<usize, Option<String>>,
    waiting: Vec<Waiting>,
}

impl Server {
    /// Begins for tasks on these nodes. `name` is what they call their space of keys.
    pub(super) fn new(name: &str, nodes: &[u32]) -> Self {
        Server {
            name: name.to_owned(),
            nodes: nodes.to_vec(),
            versions: vec![Version::One; nodes.len()],
            values: HashMap::from([(MAPPING.to_owned(), mapping(nodes))]),
            of_node: HashMap::new(),
            at_barrier: HashMap::new(),
            waiting: Vec::new(),
        }
    }

    /// Takes in a task's message.
    pub(super) fn take(&mut self, task: usize, message: &Message) -> Vec<Effect> {
        match self.versions.get(task) {
            Some(Version::One) => self.one(task, message),
            Some(Version::Two) => self.two(task, message),
            None => Vec::new(),
        }
    }

    fn one(&mut self, task: usize, message: &Message) -> Vec<Effect> {
        let good = |command: &str| Message::new(command).with("rc", 0);
        let bad = |command: &str, why: &str| Message::new(command).with("rc", -1).with("msg", why);
        let answer = match message.command() {
            "init" => return self.init(task, message),
            "initack" => good("initack").with("size", self.nodes.len()).with("rank", task).with("debug", 0),
            "get_maxes" => LIMITS.iter().fold(good("maxes"), |answer, (name, most)| answer.with(name, most)),
            "get_appnum" => good("appnum").with("appnum", 0),
            "get_universe_size" => good("universe_size").with("size", self.nodes.len()),
            "get_my_kvsname" => good("my_kvsname").with("kvsname", &self.name),
            "put" => match (message.get("key"), message.get("value")) {
                (Some(key), Some(value)) => {
                    self.values.insert(key.to_owned(), value.to_owned());
                    good("put_result").with("msg", "success")
                }
                _ => bad("put_result", "key_or_value_missing"),
            },
            "get" => match message.get("key").and_then(|key| self.values.get(key)) {
                Some(value) => good("get_result").with("msg", "success").with("value", value),
                None => bad("get_result", "key_not_found").with("value", "unknown"),
            },
            "barrier_in" => return self.barrier(task, None),
            "finalize" => good("finalize_ack"),
            "abort" => return vec![abort(task, message)],
            "spawn" => bad("spawn_result", "not_supported"),
            "publish_name" => bad("publish_result", "not_supported"),
            "unpublish_name" => bad("unpublish_result", "not_supported"),
            "lookup_name" => bad("lookup_result", "not_supported"),
            other => bad(&format!("{other}_result"), "not_supported"),
        };
        vec![Effect::Answer(task, answer)]
    }

    fn init(&mut self, task: usize, message: &Message) -> Vec<Effect> {
        let wants_two = message.get("pmi_version") == Some("2");
        let (version, subversion) = if wants_two { (2, 0) } else { (1, 1) };
        let answer = Message::new("response_to_init")
            .with("pmi_version", version)
            .with("pmi_subversion", subversion)
            .with("rc", 0);
        let mut effects = vec![Effect::Answer(task, answer)];
        if wants_two && let Some(version) = self.versions.get_mut(task) {
            *version = Version::Two;
            effects.push(Effect::SpeaksTwo(task));
        }
        effects
    }

    fn two(&mut self, task: usize, message: &Message) -> Vec<Effect> {
        let command = message.command();
        let thread = message.get("thrid").map(str::to_owned);
        let good = || response(command, thread.as_deref(), 0);
        let refused = |why: &str| response(command, thread.as_deref(), 1).with("errmsg", why);
        let found = |value: Option<&String>| match value {
            Some(value) => good().with("found", "TRUE").with("flag", "TRUE").with("value", value),
            None => good().with("found", "FALSE").with("flag", "FALSE"),
        };
        let key = message.get("key").unwrap_or_default();
        let node = self.nodes.get(task).copied().unwrap_or(0);
        let answer = match command {
            "fullinit" => good()
                .with("pmi-version", 2)
                .with("pmi-subversion", 0)
                .with("rank", task)
                .with("size", self.nodes.len())
                .with("appnum", 0)
                .with("debugged", "FALSE")
                .with("pmiverbose", "FALSE"),
            "job-getid" => good().with("jobid", &self.name),
            "info-getjobattr" if key == "universeSize" => found(Some(&self.nodes.len().to_string())),
            "info-getjobattr" => found((key == MAPPING).then(|| self.values.get(key)).flatten()),
            "info-putnodeattr" => {
                let value = message.get("value").unwrap_or_default();
                self.of_node.insert((node, key.to_owned()), value.to_owned());
                let mut effects = vec![Effect::Answer(task, good())];
                effects.extend(self.serve_waiting());
                return effects;
            }
            "info-getnodeattr" => {
                let value = self.of_node.get(&(node, key.to_owned()));
                if value.is_none() && message.get("wait") == Some("TRUE") {
                    self.waiting.push(Waiting { task, key: key.to_owned(), thread });
                    return Vec::new();
                }
                found(value)
            }
            "kvs-put" => {
                self.values.insert(key.to_owned(), message.get("value").unwrap_or_default().to_owned());
                good()
            }
            "kvs-get" => found(self.values.get(key)),
            "kvs-fence" => return self.barrier(task, thread),
            "finalize" => good(),
            "abort" => return vec![abort(task, message)],
            _ => refused("not supported"),
        };
        vec![Effect::Answer(task, answer)]
    }

    /// Whoever comes last lets all go on.
    fn barrier(&mut self, task: usize, thread: Option<String>) -> Vec<Effect> {
        self.at_barrier.insert(task, thread);
        if self.at_barrier.len() < self.nodes.len() {
            return Vec::new();
        }
        let mut all: Vec<_> = std::mem::take(&mut self.at_barrier).into_iter().collect();
        all.sort_unstable();
        let answer = |(task, thread): (usize, Option<String>)| {
            let answer = match self.versions.get(task) {
                Some(Version::Two) => response("kvs-fence", thread.as_deref(), 0),
                _ => Message::new("barrier_out").with("rc", 0),
            };
            Effect::Answer(task, answer)
        };
        all.into_iter().map(answer).collect()
    }

    fn serve_waiting(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        let (nodes, of_node) = (&self.nodes, &self.of_node);
        self.waiting.retain(|waiting| {
            let node = nodes.get(waiting.task).copied().unwrap_or(0);
            let Some(value) = of_node.get(&(node, waiting.key.clone())) else { return true };
            let answer = response("info-getnodeattr", waiting.thread.as_deref(), 0)
                .with("found", "TRUE")
                .with("flag", "TRUE")
                .with("value", value);
            effects.push(Effect::Answer(waiting.task, answer));
            false
        });
        effects
    }
}

fn response(command: &str, thread: Option<&str>, code: i32) -> Message {
    let answer = Message::new(&format!("{command}-response"));
    let answer = match thread {
        Some(thread) => answer.with("thrid", thread),
        None => answer,
    };
    answer.with("rc", code)
}

fn abort(task: usize, message: &Message) -> Effect {
    let why = ["msg", "message", "error_msg", "exitcode"].iter().find_map(|name| message.get(name));
    Effect::Abort(task, why.unwrap_or_default().to_owned())
}

/// Writes where the tasks are: runs of nodes with so many tasks each.
fn mapping(nodes: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for node in nodes {
        match runs.last_mut() {
            Some((last, count)) if last == node => *count += 1,
            _ => runs.push((*node, 1)),
        }
    }
    let mut blocks: Vec<(u32, u32, u32)> = Vec::new();
    for (node, count) in runs {
        match blocks.last_mut() {
            Some((first, many, each)) if *each == count && *first + *many == node => *many += 1,
            _ => blocks.push((node, 1, count)),
        }
    }
    let block = |(first, many, each): &(u32, u32, u32)| format!(",({first},{many},{each})");
    format!("(vector{})", blocks.iter().map(block).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message {
        let fields = text.split(' ').map(|word| word.split_once('=').unwrap());
        Message(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// A message of a task, and what is answered: `TASK:fields`.
    fn check(server: &mut Server, task: usize, text: &str, told: &[&str]) {
        let answer = |effect: &Effect| match effect {
            Effect::Answer(task, message) => {
                let line = String::from_utf8(message.written(Version::One)).unwrap();
                format!("{task}:{}", line.trim_end())
            }
            Effect::SpeaksTwo(task) => format!("{task} two"),
            Effect::Abort(task, why) => format!("{task} aborts {why}"),
        };
        let answers: Vec<String> = server.take(task, &message(text)).iter().map(answer).collect();
        assert_eq!(answers, told, "{text}");
    }

    #[test]
    fn the_first_form_from_start_to_end() {
        let server = &mut Server::new("7.0", &[0, 0]);
        check(
            server,
            0,
            "cmd=init pmi_version=1 pmi_subversion=1",
            &["0:cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0"],
        );
        check(
            server,
            0,
            "cmd=get_maxes",
            &["0:cmd=maxes rc=0 kvsname_max=256 keylen_max=64 vallen_max=1024"],
        );
        check(server, 0, "cmd=get_my_kvsname", &["0:cmd=my_kvsname rc=0 kvsname=7.0"]);
        check(
            server,
            0,
            "cmd=get kvsname=7.0 key=PMI_process_mapping",
            &["0:cmd=get_result rc=0 msg=success value=(vector,(0,1,2))"],
        );
        check(server, 1, "cmd=put kvsname=7.0 key=P1 value=card", &["1:cmd=put_result rc=0 msg=success"]);
        check(server, 0, "cmd=barrier_in", &[]);
        check(server, 1, "cmd=barrier_in", &["0:cmd=barrier_out rc=0", "1:cmd=barrier_out rc=0"]);
        check(server, 0, "cmd=get kvsname=7.0 key=P1", &["0:cmd=get_result rc=0 msg=success value=card"]);
        check(
            server,
            0,
            "cmd=get kvsname=7.0 key=P2",
            &["0:cmd=get_result rc=-1 msg=key_not_found value=unknown"],
        );
        check(server, 1, "mcmd=spawn", &["1:cmd=spawn_result rc=-1 msg=not_supported"]);
        check(server, 1, "cmd=abort exitcode=4", &["1 aborts 4"]);
        check(server, 0, "cmd=finalize", &["0:cmd=finalize_ack rc=0"]);
    }

    #[test]
    fn the_second_form_from_start_to_end() {
        let server = &mut Server::new("7.0", &[0, 1]);
        for task in [0, 1] {
            let hello = format!("{task}:cmd=response_to_init pmi_version=2 pmi_subversion=0 rc=0");
            check(server, task, "cmd=init pmi_version=2 pmi_subversion=0", &[&hello, &format!("{task} two")]);
        }
        check(
            server,
            1,
            "cmd=fullinit pmirank=1 threaded=FALSE",
            &[
                "1:cmd=fullinit-response rc=0 pmi-version=2 pmi-subversion=0 rank=1 size=2 appnum=0 debugged=FALSE pmiverbose=FALSE",
            ],
        );
        check(server, 0, "cmd=job-getid thrid=5", &["0:cmd=job-getid-response thrid=5 rc=0 jobid=7.0"]);
        check(
            server,
            0,
            "cmd=info-getjobattr key=PMI_process_mapping",
            &["0:cmd=info-getjobattr-response rc=0 found=TRUE flag=TRUE value=(vector,(0,2,1))"],
        );
        check(
            server,
            0,
            "cmd=info-getjobattr key=other",
            &["0:cmd=info-getjobattr-response rc=0 found=FALSE flag=FALSE"],
        );
        check(server, 0, "cmd=kvs-put key=a value=b", &["0:cmd=kvs-put-response rc=0"]);
        check(server, 1, "cmd=kvs-fence thrid=3", &[]);
        check(
            server,
            0,
            "cmd=kvs-fence",
            &["0:cmd=kvs-fence-response rc=0", "1:cmd=kvs-fence-response thrid=3 rc=0"],
        );
        check(
            server,
            1,
            "cmd=kvs-get jobid=7.0 srcid=0 key=a",
            &["1:cmd=kvs-get-response rc=0 found=TRUE flag=TRUE value=b"],
        );
        check(server, 1, "cmd=spawn", &["1:cmd=spawn-response rc=1 errmsg=not supported"]);
        check(server, 1, "cmd=finalize", &["1:cmd=finalize-response rc=0"]);
    }

    #[test]
    fn tasks_of_a_node_wait_for_what_one_of_them_puts() {
        let server = &mut Server::new("7.0", &[0, 0, 1]);
        for task in 0..3 {
            server.take(task, &message("cmd=init pmi_version=2"));
        }
        check(server, 1, "cmd=info-getnodeattr key=s wait=TRUE thrid=9", &[]);
        check(
            server,
            2,
            "cmd=info-getnodeattr key=s wait=FALSE",
            &["2:cmd=info-getnodeattr-response rc=0 found=FALSE flag=FALSE"],
        );
        check(
            server,
            0,
            "cmd=info-putnodeattr key=s value=x",
            &[
                "0:cmd=info-putnodeattr-response rc=0",
                "1:cmd=info-getnodeattr-response thrid=9 rc=0 found=TRUE flag=TRUE value=x",
            ],
        );
    }

    #[test]
    fn mappings() {
        assert_eq!(mapping(&[0, 0, 1, 1]), "(vector,(0,2,2))");
        assert_eq!(mapping(&[0, 0, 1]), "(vector,(0,1,2),(1,1,1))");
        assert_eq!(mapping(&[0, 1, 0, 1]), "(vector,(0,2,1),(0,2,1))");
        assert_eq!(mapping(&[]), "(vector)");
    }
}
