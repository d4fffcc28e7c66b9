//! What a job script asks for in its `#PJM` lines: `words` cuts them, `options`, `resources` and `steps` read them
//! (facts B4).
//!
//! What nobody knows, or has a value that makes no sense, is refused as pjsub does.

mod options;
mod resources;
mod steps;
mod words;

pub(super) use options::{Asked, Detail, Rank};
pub(super) use resources::Elapse;
pub(super) use steps::{Steps, Until};

/// Why a script, or options beside it, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadScript {
    /// An option that nobody knows.
    #[error("unknown option {0}")]
    Unknown(String),
    /// An option whose value makes no sense.
    #[error("{0}: \"{1}\" makes no sense")]
    Value(&'static str, String),
    /// An option without its value.
    #[error("{0} needs a value")]
    NoValue(String),
    /// A quote that is not closed.
    #[error("a quote is not closed")]
    Quote,
    /// More of it than is read.
    #[error("the #PJM lines are too long")]
    TooLong,
    /// Options that do not go together.
    #[error("{0}")]
    Together(&'static str),
}

/// Most bytes of directives, values and words together.
const LONGEST: usize = 64 << 10;

/// Reads the `#PJM` lines of a script, and options given beside it, which count more; `None` where the script has no such
/// line and nothing is given beside it.
pub(super) fn read(script: &str, beside: &str) -> Result<Option<Asked>, BadScript> {
    let lines = words::directives(script);
    if lines.is_empty() && beside.trim().is_empty() {
        return Ok(None);
    }
    let size = lines.iter().map(|line| line.len()).sum::<usize>() + beside.len();
    if size > LONGEST {
        return Err(BadScript::TooLong);
    }
    let mut asked = Asked::default();
    for line in lines.into_iter().chain([beside]) {
        asked.add(&words::cut(line)?)?;
    }
    asked.check()?;
    Ok(Some(asked))
}
