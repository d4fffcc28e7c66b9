//! Logs: on standard error, as the configuration or QUINTET_LOG say.

use crate::config::{LogConfig, LogFormat};
use anyhow::Context;
use std::io::IsTerminal;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Begins logging.
pub(super) fn begin(config: &LogConfig) -> anyhow::Result<()> {
    let filter = match std::env::var("QUINTET_LOG") {
        Ok(filter) if !filter.is_empty() => {
            filter.parse::<Targets>().context("read QUINTET_LOG, a list such as \"info,engine=debug\"")?
        }
        _ => config.filter.parse::<Targets>().context("read the filter of [log]")?,
    };
    let registry = tracing_subscriber::registry().with(quieted(filter));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match config.format {
        LogFormat::Text => registry.with(lines.with_ansi(std::io::stderr().is_terminal())).init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).init(),
    }
    Ok(())
}

/// Libraries that tell at `info` what is nobody's news here speak only at warnings, unless they are asked by name.
fn quieted(filter: Targets) -> Targets {
    let named = filter.iter().any(|(target, _)| target.starts_with("rusqlite_migration"));
    if named { filter } else { filter.with_target("rusqlite_migration", LevelFilter::WARN) }
}
