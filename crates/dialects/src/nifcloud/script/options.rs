//! The options of `pjsub`, as a script or a submission gives them. A later one goes before an earlier one.

use super::BadScript;
use super::resources::{Resources, digits};
use super::steps::{Steps, steps};
use domain::job::MailTypes;
use jiff::civil::DateTime;

/// Longest name of a job, bytes.
const LONGEST_NAME: usize = 63;
/// Longest of all other texts, bytes.
const LONGEST_TEXT: usize = 4096;
/// The largest index of a bulk job.
const LAST_BULK: u32 = 999_999;

/// How much a file of statistics says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Detail {
    /// The job (`-s`).
    Short,
    /// The job and each of its nodes (`-S`).
    Long,
}

/// How ranks of MPI lie on nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Rank {
    ByChip,
    ByNode,
    HostFile,
}

/// Everything a script asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Asked {
    pub(in super::super) resources: Resources,
    pub(in super::super) group: Option<String>,
    pub(in super::super) name: Option<String>,
    pub(in super::super) input: Option<String>,
    pub(in super::super) output: Option<String>,
    pub(in super::super) error: Option<String>,
    /// Standard error goes where standard output goes.
    pub(in super::super) joined: bool,
    pub(in super::super) statistics: Option<Detail>,
    pub(in super::super) statistics_path: Option<String>,
    pub(in super::super) variables: Vec<(String, String)>,
    pub(in super::super) processes: Option<u32>,
    pub(in super::super) processes_per_node: Option<u16>,
    pub(in super::super) rank: Option<Rank>,
    pub(in super::super) priority: Option<u8>,
    /// First and last index of a bulk job.
    pub(in super::super) bulk: Option<(u32, u32)>,
    pub(in super::super) step: Option<Steps>,
    /// Not before this time, in the time zone of the place.
    pub(in super::super) begin: Option<DateTime>,
    pub(in super::super) mail: MailTypes,
    pub(in super::super) mail_to: Option<String>,
    pub(in super::super) restart: Option<bool>,
    /// How virtual nodes are placed and how programs run: shown with the job.
    pub(in super::super) placement: Option<String>,
    pub(in super::super) execution: Option<String>,
    is_bulk: bool,
    parameters: Option<String>,
}

/// Options with a value that is kept with the script and means nothing here: they are about machinery of the original.
const NOTHING_HERE: [&str; 6] = ["--llio", "--appname", "--fs", "--vset", "-z", "--comment"];

impl Asked {
    /// Takes words in.
    pub(super) fn add(&mut self, words: &[String]) -> Result<(), BadScript> {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut next = |inline: Option<&str>| -> Result<String, BadScript> {
                let value = inline.map(str::to_owned).or_else(|| words.next().cloned());
                let value = value.ok_or_else(|| BadScript::NoValue(word.clone()))?;
                let fits = value.len() <= LONGEST_TEXT && !value.contains('\0');
                fits.then_some(value).ok_or(BadScript::TooLong)
            };
            if word.starts_with("--") {
                let (name, inline) = match word.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (word.as_str(), None),
                };
                if inline.is_none() && self.flag(name) {
                    continue;
                }
                let name = canonical(name).ok_or_else(|| BadScript::Unknown(word.clone()))?;
                self.value(name, next(inline)?)?;
                continue;
            }
            // Letters may stand together; the first that takes a value takes the rest.
            let letters = word.strip_prefix('-').filter(|letters| !letters.is_empty());
            let mut rest = letters.ok_or_else(|| BadScript::Unknown(word.clone()))?;
            while let Some(letter) = rest.chars().next() {
                let behind = rest.get(letter.len_utf8()..).unwrap_or_default();
                let name = format!("-{letter}");
                if self.flag(&name) {
                    rest = behind;
                    continue;
                }
                let name = canonical(&name).ok_or_else(|| BadScript::Unknown(word.clone()))?;
                let inline =
                    Some(behind.strip_prefix('=').unwrap_or(behind)).filter(|value| !value.is_empty());
                self.value(name, next(inline)?)?;
                break;
            }
        }
        Ok(())
    }

    /// Takes an option in that has no value; says whether it is one.
    fn flag(&mut self, name: &str) -> bool {
        match name {
            "-j" | "--join" => self.joined = true,
            "-s" => drop(self.statistics.get_or_insert(Detail::Short)),
            "-S" => self.statistics = Some(Detail::Long),
            "--bulk" => self.is_bulk = true,
            "--step" => drop(self.step.get_or_insert_default()),
            "--restart" => self.restart = Some(true),
            "--norestart" => self.restart = Some(false),
            // There is no environment to export, nobody to wait, and what is missing is found when the job starts.
            "-X" | "-w" | "--no-check-directory" => {}
            _ => return false,
        }
        true
    }

    fn value(&mut self, name: &'static str, value: String) -> Result<(), BadScript> {
        let bad = || BadScript::Value(name, value.clone());
        match name {
            "-L" => self.resources.add(&value)?,
            "-g" => self.group = Some(plain(&value).ok_or_else(bad)?),
            "-N" => self.name = Some(job_name(&value).ok_or_else(bad)?),
            "-i" => self.input = Some(file(&value).ok_or_else(bad)?),
            "-o" => self.output = Some(file(&value).ok_or_else(bad)?),
            "-e" => self.error = Some(file(&value).ok_or_else(bad)?),
            "--spath" => self.statistics_path = Some(file(&value).ok_or_else(bad)?),
            "-x" => self.variables.extend(variables(&value).ok_or_else(bad)?),
            "--mpi" => self.mpi(&value).ok_or_else(bad)?,
            "-p" => self.priority = Some(digits(&value).and_then(|n| u8::try_from(n).ok()).ok_or_else(bad)?),
            "--sparam" => self.parameters = Some(value),
            "--at" => self.begin = Some(moment(&value).ok_or_else(bad)?),
            "-m" => self.mail = self.mail.with(mail(&value).ok_or_else(bad)?),
            "--mail-list" => self.mail_to = Some(plain(&value).ok_or_else(bad)?),
            "-P" => self.policy(&value).ok_or_else(bad)?,
            // One of those that mean nothing here.
            _ => {}
        }
        Ok(())
    }

    fn mpi(&mut self, list: &str) -> Option<()> {
        for item in list.split(',').map(str::trim) {
            let (key, value) = item.split_once('=').unwrap_or((item, ""));
            let number = || digits(value).filter(|number| *number > 0 && !value.is_empty());
            match key {
                "proc" | "max-proc" => self.processes = Some(u32::try_from(number()?).ok()?),
                "max-proc-per-node" => self.processes_per_node = Some(u16::try_from(number()?).ok()?),
                "rank-map-bychip" => self.rank = Some(Rank::ByChip),
                "rank-map-bynode" => self.rank = Some(Rank::ByNode),
                "rank-map-hostfile" if !value.is_empty() => self.rank = Some(Rank::HostFile),
                "shape" if value.split('x').all(|side| digits(side).is_some_and(|side| side > 0)) => {}
                "assign-online-node" if value.is_empty() => {}
                _ => return None,
            }
        }
        Some(())
    }

    fn policy(&mut self, list: &str) -> Option<()> {
        for item in list.split(',').map(str::trim) {
            match item.split_once('=')? {
                ("vn-policy", value) => {
                    let policy = value.split_once('=').map_or(value, |(policy, _)| policy);
                    let known = ["abs-pack", "pack", "abs-unpack", "unpack"];
                    self.placement = Some((*known.iter().find(|known| **known == policy)?).to_owned());
                }
                ("exec-policy", value @ ("share" | "simplex")) => self.execution = Some(value.to_owned()),
                _ => return None,
            }
        }
        Some(())
    }

    /// Checks what options say together, and reads what could not be read before all were there.
    pub(super) fn check(&mut self) -> Result<(), BadScript> {
        let parameters = self.parameters.take();
        match (self.is_bulk, &mut self.step, parameters) {
            (true, Some(_), _) => return Err(BadScript::Together("--bulk and --step exclude each other")),
            (true, None, None) => return Err(BadScript::Together("--bulk needs --sparam")),
            (true, None, Some(range)) => {
                let bad = || BadScript::Value("--sparam", range.clone());
                self.bulk = Some(bulk(&range).ok_or_else(bad)?);
            }
            (false, Some(step), Some(list)) => {
                let bad = || BadScript::Value("--sparam", list.clone());
                *step = steps(&list).ok_or_else(bad)?;
            }
            (false, Some(_), None) | (false, None, None) => {}
            (false, None, Some(_)) => return Err(BadScript::Together("--sparam needs --bulk or --step")),
        }
        if self.resources.nodes.is_some() && self.resources.virtual_nodes.is_some() {
            return Err(BadScript::Together("node and vnode exclude each other"));
        }
        if self.statistics_path.is_some() && self.statistics.is_none() {
            self.statistics = Some(Detail::Short);
        }
        Ok(())
    }
}

/// Returns the short name of an option that takes a value.
fn canonical(name: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str); 23] = [
        ("-L", "-L"),
        ("--rsc-list", "-L"),
        ("-g", "-g"),
        ("--gname", "-g"),
        ("-N", "-N"),
        ("--name", "-N"),
        ("-i", "-i"),
        ("--in", "-i"),
        ("-o", "-o"),
        ("--out", "-o"),
        ("-e", "-e"),
        ("--err", "-e"),
        ("--spath", "--spath"),
        ("-x", "-x"),
        ("--mpi", "--mpi"),
        ("-p", "-p"),
        ("--sparam", "--sparam"),
        ("--at", "--at"),
        ("-m", "-m"),
        ("--mail", "-m"),
        ("--mail-list", "--mail-list"),
        ("-P", "-P"),
        ("--mpi-list", "--mpi"),
    ];
    let known = NAMES.iter().find(|(written, _)| *written == name).map(|(_, known)| *known);
    known.or_else(|| NOTHING_HERE.into_iter().find(|known| *known == name))
}

fn plain(value: &str) -> Option<String> {
    let is_fit = !value.is_empty() && value.len() <= 1024 && !value.chars().any(char::is_control);
    is_fit.then(|| value.to_owned())
}

fn job_name(value: &str) -> Option<String> {
    let is_fit = value.len() <= LONGEST_NAME
        && !value.contains('/')
        && !value.starts_with(|c: char| c.is_ascii_digit());
    plain(value).filter(|_| is_fit)
}

/// A backslash would mean something else to whoever opens the file.
fn file(value: &str) -> Option<String> {
    plain(value).filter(|value| !value.contains('\\'))
}

/// Reads `A=B[,C=D]`. A name without a value would be taken from the environment of who submits, and there is none.
fn variables(list: &str) -> Option<Vec<(String, String)>> {
    let mut found: Vec<(String, String)> = Vec::new();
    for part in list.split(',') {
        let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
        let is_name = |name: &str| {
            let mut letters = name.bytes();
            letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
                && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_')
        };
        match (is_name(name), value, found.last_mut()) {
            (true, Some(value), _) => found.push((name.to_owned(), value.to_owned())),
            (true, None, None) => {}
            // The comma belongs to the value before it.
            (_, _, Some((_, before))) => *before = format!("{before},{part}"),
            (false, _, None) => return None,
        }
    }
    Some(found)
}

fn bulk(range: &str) -> Option<(u32, u32)> {
    let number = |text: &str| digits(text).filter(|_| !text.is_empty()).and_then(|n| u32::try_from(n).ok());
    let (first, last) = match range.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(range)?, number(range)?),
    };
    (first <= last && last <= LAST_BULK).then_some((first, last))
}

/// Reads `YYYYMMDDhhmm`.
fn moment(value: &str) -> Option<DateTime> {
    (value.len() == 12).then(|| DateTime::strptime("%Y%m%d%H%M", value).ok()).flatten()
}

fn mail(list: &str) -> Option<MailTypes> {
    let one = |word: &str| match word.trim() {
        "b" => Some(MailTypes::BEGIN),
        "e" => Some(MailTypes::END),
        "r" => Some(MailTypes::REQUEUE),
        // Statistics by mail: its end is told, and they are in their file.
        "s" | "S" => Some(MailTypes::END),
        _ => None,
    };
    list.split(',').try_fold(MailTypes::default(), |all, word| Some(all.with(one(word)?)))
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    fn asked(lines: &str) -> Result<Asked, BadScript> {
        let script: String = lines.lines().map(|line| format!("#PJM {line}\n")).collect();
        read(&format!("#!/bin/sh\n{script}echo\n"), "").map(Option::unwrap_or_default)
    }

    #[test]
    fn several_options_stand_on_one_line() {
        let all = asked(
            "-L \"node=2x3x2,rscgrp=small,elapse=30:00-1:00:00\" --mpi \"proc=48,max-proc-per-node=4\" -N shape -j -x A=1,B=\"x y\"",
        )
        .unwrap();
        assert_eq!(all.resources.nodes.unwrap().shown, "12:2x3x2");
        assert_eq!((all.processes, all.processes_per_node), (Some(48), Some(4)));
        assert_eq!((all.name.as_deref(), all.joined), (Some("shape"), true));
        let variables = [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "x y".to_owned())];
        assert_eq!(all.variables, variables);
    }

    #[test]
    fn options_may_be_written_in_several_ways() {
        let all =
            asked("-jsX -Nname -L node=2 --rsc-list=node=3\n-L elapse=1:00 -p=7 -gg1\n-S --spath \"a b\"")
                .unwrap();
        assert_eq!(all.resources.nodes.unwrap().count, 3);
        assert_eq!(
            (all.name.as_deref(), all.priority, all.group.as_deref()),
            (Some("name"), Some(7), Some("g1"))
        );
        assert_eq!((all.statistics, all.statistics_path.as_deref()), (Some(Detail::Long), Some("a b")));
        let rest = asked(
            "-o out -e err -i in -m b,e --mail-list a@b --at 202601020304 --norestart -P vn-policy=abs-pack=2,exec-policy=share\n\
             --llio sharedtmp-size=5Gi -w -z jid --no-check-directory --appname x --mpi rank-map-bynode -x HOME,A=1,2,B=",
        )
        .unwrap();
        assert_eq!(rest.mail, MailTypes::BEGIN.with(MailTypes::END));
        assert_eq!((rest.restart, rest.rank), (Some(false), Some(Rank::ByNode)));
        assert_eq!((rest.placement.as_deref(), rest.execution.as_deref()), (Some("abs-pack"), Some("share")));
        assert_eq!(rest.begin.unwrap().to_string(), "2026-01-02T03:04:00");
        assert_eq!(rest.variables, [("A".to_owned(), "1,2".to_owned()), ("B".to_owned(), String::new())]);
    }

    #[test]
    fn bulk_and_step_jobs_have_parameters() {
        assert_eq!(asked("--bulk --sparam \"0-9\"").unwrap().bulk, Some((0, 9)));
        assert_eq!(asked("--step").unwrap().step, Some(Steps::default()));
        let step = asked("--step --sparam \"jid=12_0,sn=3,sd=ec!=0:all:1:2\"").unwrap().step.unwrap();
        assert_eq!((step.of, step.number, step.depends_on), (Some(12), Some(3), vec![1, 2]));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for lines in [
            "-L node=abc",
            "-q",
            "--quick",
            "word",
            "-",
            "-N",
            "-N 1a",
            "-N a/b",
            "-p 256",
            "-p -1",
            "--bulk",
            "--sparam 0-9",
            "--bulk --step --sparam 1-2",
            "--bulk --sparam 9-0",
            "--bulk --sparam 0-1000000",
            "--step --sparam jid=x",
            "--step --sparam sd=pc==0",
            "--step --sparam sd=ec!=0:some",
            "-m x",
            "--at 2026",
            "--mpi proc=0",
            "--mpi speed=9",
            "-x 1=2",
            "-P exec-policy=none",
            "-o a\\\\b",
            "-N \"open",
            "-L node=1 -L vnode=2",
            &format!("-N {}", "x".repeat(64)),
            &format!("-x A={}", "x".repeat(5000)),
        ] {
            assert!(asked(lines).is_err(), "{lines}");
        }
        let long: String = (0..20).map(|_| format!("-x A={}\n", "x".repeat(4000))).collect();
        assert_eq!(asked(&long), Err(BadScript::TooLong));
    }

    #[test]
    fn options_beside_the_script_count_more() {
        let all = read("#PJM -N script -j\n", "-N beside").unwrap().unwrap();
        assert_eq!((all.name.as_deref(), all.joined), (Some("beside"), true));
        assert_eq!(read("#!/bin/sh\n#SBATCH -n1\n", " "), Ok(None));
    }
}
