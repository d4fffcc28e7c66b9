//! How the board looks: a line of figures, the nodes, the jobs, a line of help. Made for 80 columns and 24 lines, and
//! uses whatever there is.

use super::board::{Board, Question, priority};
use crate::jobs::row::Row;
use crate::sheet::size;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Cell, Paragraph, Row as Cells, Table, TableState};
use slurm_wire::job_info::JobInfo;
use slurm_wire::node::Node;

/// Draws everything; `now` is the service's time.
pub(super) fn draw(frame: &mut Frame<'_>, board: &Board, now: u64) {
    let most = usize::from(frame.area().height / 3).max(1);
    // One line is the header of the table.
    let nodes = u16::try_from(board.nodes.len().min(most)).unwrap_or(1) + 1;
    let heights =
        [Constraint::Length(1), Constraint::Length(nodes), Constraint::Fill(1), Constraint::Length(1)];
    let [top, middle, rest, bottom] = Layout::vertical(heights).spacing(0).areas(frame.area());
    frame.render_widget(Paragraph::new(figures(board)).style(Style::new().add_modifier(Modifier::BOLD)), top);
    frame.render_widget(node_table(board, usize::from(nodes) - 1), middle);
    let rows = board.rows(now);
    let place = board.place(&rows);
    let height = usize::from(rest.height).saturating_sub(1);
    let first = board.first_in_sight(place, rows.len(), height);
    let in_sight: Vec<&JobInfo> = rows.into_iter().skip(first).take(height).collect();
    let mut state = TableState::new().with_selected(place.map(|place| place.saturating_sub(first)));
    frame.render_stateful_widget(job_table(&in_sight, now, rest.width), rest, &mut state);
    frame.render_widget(Paragraph::new(last_line(board)), bottom);
}

fn figures(board: &Board) -> String {
    let (running, waiting) = board.counts();
    let cpus: u32 = board.nodes.iter().map(|node| node.cpus).sum();
    let used: u32 = board.nodes.iter().map(|node| node.alloc_cpus).sum();
    let user = board.user.as_deref().unwrap_or("everybody");
    format!(
        "{} nodes, {used}/{cpus} CPUs, {running} running, {waiting} waiting  jobs of {user} by {}",
        board.nodes.len(),
        board.order.name()
    )
}

fn node_table(board: &Board, most: usize) -> Table<'_> {
    let header = Cells::new(["NODE", "STATE", "CPUS", "", "MEMORY", "GRES IN USE"]).style(heading());
    // Where there is no room for all of them, those that work are worth more than those that idle.
    let mut nodes: Vec<&Node> = board.nodes.iter().collect();
    if nodes.len() > most {
        nodes.sort_by_key(|node| std::cmp::Reverse(node.alloc_cpus));
        nodes.truncate(most);
    }
    let widths = [
        Constraint::Length(12),
        Constraint::Length(14),
        Constraint::Length(9),
        Constraint::Length(12),
        Constraint::Length(13),
        Constraint::Fill(1),
    ];
    Table::new(nodes.into_iter().map(node_row), widths).header(header).column_spacing(1)
}

fn node_row(node: &Node) -> Cells<'static> {
    let memory = |megabytes: i64| size(u64::try_from(megabytes).unwrap_or(0));
    let state = node.state.names().collect::<Vec<_>>().join("+");
    Cells::new([
        Cell::new(node.name.to_string()),
        Cell::new(state.clone()).style(colour(&state)),
        Cell::new(format!("{}/{}", node.alloc_cpus, node.cpus)),
        Cell::new(bar(node.alloc_cpus, node.cpus)),
        Cell::new(format!("{}/{}", memory(node.alloc_memory), memory(node.real_memory))),
        Cell::new(node.gres_used.to_string()),
    ])
}

/// Draws how much of something is in use, ten signs wide.
fn bar(used: u32, all: u32) -> String {
    let full = (used.min(all) * 10).div_ceil(all.max(1)) as usize;
    format!("[{}{}]", "#".repeat(full), ".".repeat(10 - full))
}

fn job_table(jobs: &[&JobInfo], now: u64, width: u16) -> Table<'static> {
    let words = ["JOBID", "USER", "NAME", "PARTITION", "STATE", "TIME", "PRIO", "NODES (REASON)"];
    // Columns that are cut on 80 have what they need where there is room: half of what is left goes to the last.
    let room = width.saturating_sub(80) / 2;
    let more = |wish: u16| u16::try_from(u32::from(wish) * u32::from(room.min(63)) / 63).unwrap_or(0);
    let widths = [
        Constraint::Length(9 + more(4)),
        Constraint::Length(8 + more(8)),
        Constraint::Length(10 + more(30)),
        Constraint::Length(9 + more(9)),
        Constraint::Length(10 + more(4)),
        Constraint::Length(8 + more(3)),
        Constraint::Length(5 + more(5)),
        Constraint::Fill(1),
    ];
    let row = |job: &&JobInfo| {
        let row = Row::of(job, now);
        Cells::new([
            Cell::new(row.id.clone()),
            Cell::new(row.user.clone()),
            Cell::new(row.name.clone()),
            Cell::new(row.partition.clone()),
            Cell::new(row.state.clone()).style(colour(&row.state)),
            Cell::new(row.time()),
            Cell::new(priority(job).to_string()),
            Cell::new(row.place),
        ])
    };
    Table::new(jobs.iter().map(row).collect::<Vec<_>>(), widths)
        .header(Cells::new(words).style(heading()))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
        .column_spacing(1)
}

fn last_line(board: &Board) -> Line<'_> {
    match &board.question {
        Question::Cancel(_, name) => Line::raw(format!("cancel job {name}? y or n")),
        Question::User(name) => Line::raw(format!("jobs of which user? (none for everybody) {name}_")),
        Question::None if !board.message.is_empty() => Line::raw(board.message.as_str()),
        Question::None => {
            Line::raw("q quit  c cancel  h hold/release  u user  m mine  s sort  r refresh  up/down choose")
        }
    }
}

fn heading() -> Style {
    Style::new().add_modifier(Modifier::UNDERLINED)
}

/// Colour is never the only carrier: the word stands there as well.
fn colour(state: &str) -> Style {
    Style::new().fg(match state.split('+').next().unwrap_or_default() {
        "RUNNING" | "ALLOCATED" | "MIXED" => Color::Green,
        "PENDING" | "SUSPENDED" | "STOPPED" => Color::Yellow,
        "COMPLETING" => Color::Cyan,
        "DOWN" | "ERROR" => Color::Red,
        _ => Color::Reset,
    })
}
