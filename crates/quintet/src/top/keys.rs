//! What a key means: a change of the board, and perhaps a wish to the service.

use super::board::{Board, Question};
use crate::jobs::row::{base_state, job_id};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What is wanted of the loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing more.
    None,
    /// To end.
    Quit,
    /// To look at everything again.
    Refresh,
    /// To cancel this job.
    Cancel(u32),
    /// To hold this job, or let it go.
    Hold(u32, bool),
}

/// Takes in a key.
pub(super) fn pressed(board: &mut Board, key: KeyEvent, now: u64) -> Wish {
    if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
        return Wish::Quit;
    }
    match std::mem::take(&mut board.question) {
        Question::None => plain(board, key, now),
        Question::Cancel(job, name) => match key.code {
            KeyCode::Char('y' | 'Y') => Wish::Cancel(job),
            _ => {
                board.message = format!("job {name} is left alone");
                Wish::None
            }
        },
        Question::User(name) => typed(board, key, name),
    }
}

fn plain(board: &mut Board, key: KeyEvent, now: u64) -> Wish {
    board.message.clear();
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return Wish::Quit,
        KeyCode::Char('r') => return Wish::Refresh,
        KeyCode::Down | KeyCode::Char('j') => board.step(1, now),
        KeyCode::Up | KeyCode::Char('k') => board.step(-1, now),
        KeyCode::PageDown => board.step(10, now),
        KeyCode::PageUp => board.step(-10, now),
        KeyCode::Home => board.step(isize::MIN, now),
        KeyCode::End => board.step(isize::MAX, now),
        KeyCode::Char('s') => board.order = board.order.next(),
        KeyCode::Char('m') => {
            board.user = if board.user.as_ref() == Some(&board.me) { None } else { Some(board.me.clone()) };
        }
        KeyCode::Char('u') => board.question = Question::User(String::new()),
        KeyCode::Char('c') => {
            let job = board.chosen(now).map(|job| (job.job_id, job_id(job)));
            board.question = job.map_or(Question::None, |(id, name)| Question::Cancel(id, name));
        }
        KeyCode::Char('h') => return hold(board, now),
        _ => {}
    }
    Wish::None
}

fn hold(board: &mut Board, now: u64) -> Wish {
    let Some(job) = board.chosen(now) else { return Wish::None };
    if base_state(job) != "PENDING" {
        board.message = format!("job {} runs already: only jobs that wait can be held", job_id(job));
        return Wish::None;
    }
    let is_held = job.state_reason.starts_with("JobHeld") || job.priority.number() == Some(0);
    // An array is held as a whole.
    let number = job.array_job_id.number().filter(|array| *array != 0).unwrap_or(job.job_id);
    Wish::Hold(number, !is_held)
}

fn typed(board: &mut Board, key: KeyEvent, mut name: String) -> Wish {
    match key.code {
        KeyCode::Enter => board.user = (!name.is_empty()).then_some(name),
        KeyCode::Esc => {}
        KeyCode::Backspace => {
            name.pop();
            board.question = Question::User(name);
        }
        KeyCode::Char(letter) if name.len() < 64 => {
            name.push(letter);
            board.question = Question::User(name);
        }
        _ => board.question = Question::User(name),
    }
    Wish::None
}
