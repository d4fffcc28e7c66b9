//! `quintet crontab`: jobs that recur, as scrontab has them.

use crate::client::{Client, ClientArgs};
use crate::submit::{JobOptions, Script, options_of_lines, request::request};
use crate::terminal::{Terminal, remark};
use crate::usage::Usage;
use anyhow::Context;
use domain::cron::{Entry, entries};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `quintet crontab`.
#[derive(clap::Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("what").args(["list", "edit", "remove", "file"]))]
pub(crate) struct CrontabArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Print the crontab
    #[arg(short = 'l', long)]
    list: bool,
    /// Edit the crontab with $VISUAL or $EDITOR
    #[arg(short = 'e', long)]
    edit: bool,
    /// Remove the crontab: jobs that wait are cancelled, those that run do so for the last time
    #[arg(short = 'r', long)]
    remove: bool,
    /// Another user's crontab
    #[arg(short = 'u', long, value_name = "NAME")]
    user: Option<String>,
    /// Install this file, or standard input if it is -, as the crontab
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// What the service shows of a crontab.
#[derive(Clone, Debug, Deserialize)]
struct Shown {
    user: String,
    text: String,
}

/// What is sent to it.
#[derive(Clone, Debug, Serialize)]
struct Sent<'a> {
    text: &'a str,
    entries: Vec<serde_json::Value>,
}

/// What an editor begins with where there is no crontab yet.
const EXAMPLE: &str = "# Jobs that recur, one a line: minute, hour, day of month, month, day of week, command;\n\
                       # or a word for the five fields: @hourly, @daily, @weekly, @monthly, @yearly.\n\
                       # Lines that begin with #SCRON hold options of `quintet submit` for the next entry.\n\
                       #\n\
                       # #SCRON --time=10 --output=nightly-%j.txt\n\
                       # 30 2 * * * ./nightly.sh\n";

/// Shows, edits, removes or installs a crontab.
pub(crate) async fn run(args: CrontabArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let crontab = Crontab { client: Client::open(&args.client)?, user: args.user.clone() };
    if args.list {
        let (shown, json) = crontab.shown().await?;
        match args.client.json {
            true => terminal.print_json(&json)?,
            false if shown.text.is_empty() => remark(&format!("no crontab for {}", shown.user)),
            false => std::io::stdout().write_all(shown.text.as_bytes()).context("print the crontab")?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    if args.remove {
        let (path, query) = crontab.place();
        crontab.client.send(Method::DELETE, path, &query, None).await.context("remove the crontab")?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = match &args.file {
        Some(path) if path != Path::new("-") => {
            std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?
        }
        Some(_) => standard_input()?,
        None if args.edit => match crontab.edited().await? {
            Some(text) => text,
            None => return Ok(ExitCode::SUCCESS),
        },
        None => return Err(Usage("say which file to install, or one of -l, -e, -r".into()).into()),
    };
    crontab.install(&text).await?;
    Ok(ExitCode::SUCCESS)
}

fn standard_input() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("read the crontab from standard input")?;
    Ok(text)
}

/// A user's crontab at the service.
struct Crontab {
    client: Client,
    user: Option<String>,
}

impl Crontab {
    fn place(&self) -> (&'static str, Vec<(&'static str, String)>) {
        ("/quintet/v1/crontab", self.user.iter().map(|user| ("user", user.clone())).collect())
    }

    async fn shown(&self) -> anyhow::Result<(Shown, String)> {
        let query: Vec<_> = self.user.iter().map(|user| ("user", user.clone())).collect();
        let answer = self.client.native::<Shown>(Method::GET, "/crontab", &query, None).await;
        let answer = answer.context("show the crontab")?;
        Ok((answer.value, answer.text))
    }

    /// Lets the user edit the crontab; `None` if it is as before.
    async fn edited(&self) -> anyhow::Result<Option<String>> {
        let (shown, _) = self.shown().await?;
        let before = if shown.text.is_empty() { EXAMPLE } else { &shown.text };
        let mut file =
            tempfile::Builder::new().prefix("crontab.").tempfile().context("make a file to edit")?;
        file.write_all(before.as_bytes()).context("write a file to edit")?;
        let editor = ["VISUAL", "EDITOR"].iter().find_map(|name| std::env::var(name).ok());
        let editor = editor.filter(|editor| !editor.is_empty()).unwrap_or_else(|| "vi".to_owned());
        // The variable may hold options, as it does for every program that reads it.
        let line = format!("{editor} \"$1\"");
        let words = ["-c".as_ref(), line.as_ref(), "sh".as_ref(), file.path().as_os_str()];
        let status = supervise::foreground("/bin/sh".as_ref(), &words, &[])
            .with_context(|| format!("start the editor {editor}"))?;
        anyhow::ensure!(status.success(), "the editor {editor} ended with {status}; nothing is changed");
        let text = std::fs::read_to_string(file.path()).context("read the edited file")?;
        if text == before {
            remark("the crontab is as it was");
            return Ok(None);
        }
        if let Err(error) = entries(&text) {
            let (_, path) = file.keep().context("keep the edited file")?;
            remark(&format!("your text is kept in {}", path.display()));
            return Err(Usage(error.to_string()).into());
        }
        Ok(Some(text))
    }

    async fn install(&self, text: &str) -> anyhow::Result<()> {
        let name = match &self.user {
            Some(user) => user.clone(),
            None => self.client.user().await.context("find out who asks")?,
        };
        let owner = Owner::of(&name);
        let found = entries(text).map_err(|error| Usage(error.to_string()))?;
        let described = found.iter().map(|entry| {
            let mut request = described(entry, &owner)?;
            if let (Some(job), Some(user)) = (&mut request.job, &self.user) {
                job.user_id = Some(user.as_str().into());
            }
            serde_json::from_slice(&slurm_wire::to_json(&request)).context("write the request of an entry")
        });
        let sent = Sent { text, entries: described.collect::<anyhow::Result<_>>()? };
        let body = serde_json::to_vec(&sent).context("write the request")?;
        let (path, query) = self.place();
        self.client.send(Method::PUT, path, &query, Some(body)).await.context("install the crontab")?;
        Ok(())
    }
}

/// Whose jobs they are: a log-in shell is not run for them, so what it would set is set here.
struct Owner {
    name: String,
    home: PathBuf,
    shell: PathBuf,
}

impl Owner {
    fn of(name: &str) -> Self {
        use uzers::os::unix::UserExt;
        let known = uzers::get_user_by_name(name);
        let home = known.as_ref().map_or_else(|| PathBuf::from("/"), |user| user.home_dir().to_owned());
        let shell = known.as_ref().map_or_else(|| PathBuf::from("/bin/sh"), |user| user.shell().to_owned());
        Owner { name: name.to_owned(), home, shell }
    }
}

/// Makes the request of an entry.
fn described(entry: &Entry, owner: &Owner) -> anyhow::Result<slurm_wire::submit::JobSubmitReq> {
    let options: JobOptions = options_of_lines(&entry.options)?;
    let (array, begin) = (options.array.is_some(), options.begin.is_some());
    for (given, name) in [(array, "array"), (begin, "begin"), (options.test_only, "test-only")] {
        if given {
            let line = entry.first_line;
            return Err(Usage(format!("line {line}: --{name} is not for jobs that recur")).into());
        }
    }
    let name = entry.command.split_ascii_whitespace().next().unwrap_or_default().to_owned();
    let script = Script { text: script(entry), name, arguments: Vec::new() };
    Ok(request(&options, &script, &owner.home, environment(entry, owner))?)
}

/// The script of an entry; the remarks are scrontab's, for whoever reads it later.
fn script(entry: &Entry) -> String {
    let mut text = "#!/bin/sh\n# This job was submitted through quintet crontab\n".to_owned();
    for (_, options) in &entry.options {
        text.push_str(&format!("#SCRON {options}\n"));
    }
    text.push_str(&format!("# crontab time request was: '{}'\n{}\n", entry.written, entry.command));
    text
}

fn environment(entry: &Entry, owner: &Owner) -> Vec<String> {
    let home = owner.home.display().to_string();
    let mut lines = vec![
        format!("HOME={home}"),
        format!("LOGNAME={}", owner.name),
        "PATH=/usr/local/bin:/usr/bin:/bin".to_owned(),
        format!("SHELL={}", owner.shell.display()),
        format!("USER={}", owner.name),
        format!("SLURM_SUBMIT_DIR={home}"),
    ];
    for (name, value) in &entry.variables {
        let head = format!("{name}=");
        lines.retain(|line| !line.starts_with(&head));
        lines.push(format!("{name}={value}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described_text(text: &str) -> anyhow::Result<Vec<slurm_wire::job_desc::JobDescMsg>> {
        let owner = Owner { name: "alice".into(), home: "/home/alice".into(), shell: "/bin/bash".into() };
        let found = entries(text)?;
        found.iter().map(|entry| Ok(described(entry, &owner)?.job.unwrap_or_default())).collect()
    }

    #[test]
    fn entries_become_jobs_with_their_options_and_variables() {
        let text = "A=1\nPATH=/opt/bin\n#SCRON -J one -t 3\n#SCRON -o 'o %j.txt'\n@daily /bin/echo $A\nA=2\n5 4 * * * x\n";
        let jobs = described_text(text).unwrap();
        let told: Vec<_> = jobs
            .iter()
            .map(|job| {
                let environment = job.environment.as_ref().unwrap().to_vec();
                let a = environment.iter().filter(|line| line.starts_with("A=")).cloned().collect::<Vec<_>>();
                (job.name.clone().unwrap(), job.time_limit, job.standard_output.clone(), a.join(","))
            })
            .collect();
        assert_eq!(
            told,
            [
                ("one".into(), Some(slurm_wire::NoVal::Set(3)), Some("o %j.txt".into()), "A=1".to_owned()),
                ("x".into(), None, None, "A=2".to_owned()),
            ]
        );
        let environment = jobs[0].environment.as_ref().unwrap().to_vec();
        assert_eq!(environment.iter().filter(|line| line.starts_with("PATH=")).count(), 1);
        assert!(environment.iter().any(|line| line == "PATH=/opt/bin"));
        assert_eq!(jobs[0].current_working_directory.as_deref(), Some("/home/alice"));
    }

    #[test]
    fn the_script_says_where_it_comes_from() {
        let entry = &entries("#SCRON -n 2\n*/5 * * * * true\n").unwrap()[0];
        assert_eq!(
            script(entry),
            "#!/bin/sh\n# This job was submitted through quintet crontab\n#SCRON -n 2\n\
             # crontab time request was: '*/5 * * * *'\ntrue\n"
        );
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_line() {
        let told = |text: &str| described_text(text).unwrap_err().to_string();
        assert_eq!(told("#SCRON -a 0-3\n@daily x\n"), "line 1: --array is not for jobs that recur");
        assert_eq!(told("#SCRON -b now+1hour\n@daily x\n"), "line 1: --begin is not for jobs that recur");
        assert!(
            told("\n#SCRON --bogus\n@daily x\n").contains("line 2"),
            "{}",
            told("\n#SCRON --bogus\n@daily x\n")
        );
    }
}
