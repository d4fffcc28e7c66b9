//! The screen as text, and what keys do.

use super::board::{Board, Order, Question};
use super::keys::{Wish, pressed};
use super::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use slurm_wire::NoVal;
use slurm_wire::job_info::JobInfo;
use slurm_wire::node::Node;
use slurm_wire::words::{JobState, NodeState};

fn job(id: u32, user: &str, state: JobState, priority: u32) -> JobInfo {
    let runs = state == JobState::Running;
    JobInfo {
        job_id: id,
        user_name: user.into(),
        name: format!("job{id}").as_str().into(),
        partition: "debug".into(),
        job_state: state.into(),
        priority: NoVal::Set(priority),
        start_time: if runs { NoVal::Set(1_000) } else { NoVal::Unset },
        nodes: if runs { "n1".into() } else { "".into() },
        state_reason: if runs { "None".into() } else { "Resources".into() },
        ..JobInfo::default()
    }
}

fn board() -> Board {
    let mut board = Board::new("alice".into(), None, Order::State);
    board.replace_jobs(vec![
        job(1, "alice", JobState::Pending, 10),
        job(2, "bob", JobState::Pending, 900),
        job(3, "alice", JobState::Running, 5),
        job(4, "alice", JobState::Completed, 5),
    ]);
    board.nodes = vec![Node {
        name: "n1".into(),
        state: NodeState::Mixed.into(),
        cpus: 8,
        alloc_cpus: 4,
        real_memory: 16_000,
        alloc_memory: 400,
        gres_used: "gpu:1".into(),
        ..Node::default()
    }];
    board
}

fn screen(board: &Board, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(frame, board, 1_125)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(line).collect()
}

fn press(board: &mut Board, keys: &str) -> Wish {
    let mut wish = Wish::None;
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            '>' => KeyCode::Down,
            key => KeyCode::Char(key),
        };
        wish = pressed(board, KeyEvent::from(code), 1_125);
    }
    wish
}

#[test]
fn everything_fits_on_eighty_by_twenty_four() {
    let lines = screen(&board(), 80, 24);
    let expected = [
        "1 nodes, 4/8 CPUs, 1 running, 2 waiting  jobs of everybody by state",
        "NODE         STATE          CPUS                   MEMORY        GRES IN USE",
        "n1           MIXED          4/8       [#####.....] 400M/15.6G    gpu:1",
        "JOBID     USER     NAME       PARTITION STATE      TIME     PRIO  NODES (REASON)",
        "3         alice    job3       debug     RUNNING    2:05     5     n1",
        "2         bob      job2       debug     PENDING    0:00     900   (Resources)",
        "1         alice    job1       debug     PENDING    0:00     10    (Resources)",
    ];
    assert_eq!(lines[..7], expected);
    assert!(lines[23].starts_with("q quit  c cancel"), "{lines:#?}");
}

#[test]
fn a_tiny_terminal_breaks_nothing() {
    for (width, height) in [(1, 1), (10, 3), (40, 5), (300, 2)] {
        assert_eq!(screen(&board(), width, height).len(), usize::from(height));
    }
}

#[test]
fn a_job_is_cancelled_only_after_a_yes() {
    let mut board = board();
    assert_eq!(press(&mut board, ">c"), Wish::None);
    assert_eq!(board.question, Question::Cancel(2, "2".into()));
    assert!(screen(&board, 80, 24)[23].starts_with("cancel job 2?"));
    assert_eq!(press(&mut board.clone(), "y"), Wish::Cancel(2));
    assert_eq!(press(&mut board, "n"), Wish::None);
    assert_eq!(press(&mut board, "y"), Wish::None, "the question is gone");
}

#[test]
fn only_jobs_that_wait_are_held() {
    let mut board = board();
    assert_eq!(press(&mut board, "h"), Wish::None);
    assert!(board.message.contains("runs already"), "{}", board.message);
    assert_eq!(press(&mut board, ">h"), Wish::Hold(2, true));
    let held = JobInfo { state_reason: "JobHeldUser".into(), ..job(2, "bob", JobState::Pending, 0) };
    board.replace_job(2, vec![held]);
    assert_eq!(press(&mut board, "h"), Wish::Hold(2, false));
}

#[test]
fn users_and_orders_are_chosen() {
    let mut board = board();
    press(&mut board, "ubob\n");
    let ids = |board: &Board| board.rows(1_125).into_iter().map(|job| job.job_id).collect::<Vec<_>>();
    assert_eq!(ids(&board), [2]);
    press(&mut board, "m");
    assert_eq!(ids(&board), [3, 1]);
    press(&mut board, "ms");
    assert_eq!((board.order, ids(&board)), (Order::Id, vec![1, 2, 3]));
    press(&mut board, "s");
    assert_eq!((board.order, ids(&board)), (Order::Priority, vec![2, 1, 3]));
    assert_eq!(press(&mut board, "q"), Wish::Quit);
}

#[test]
fn what_has_ended_is_shown_no_more() {
    let mut board = board();
    board.replace_job(3, vec![job(3, "alice", JobState::Completed, 5)]);
    assert_eq!(board.counts(), (0, 2));
    board.replace_job(2, Vec::new());
    assert_eq!(board.counts(), (0, 1));
}

#[test]
fn ten_thousand_jobs_scroll_by_what_is_in_sight() {
    let mut board = Board::new("alice".into(), None, Order::Id);
    board.replace_jobs((1..=10_000).map(|id| job(id, "alice", JobState::Pending, id)).collect());
    let first = |board: &Board| screen(board, 80, 24)[3].split(' ').next().unwrap_or_default().to_owned();
    assert_eq!(first(&board), "1");
    board.step(isize::MAX, 1_125);
    let lines = screen(&board, 80, 24);
    assert!(lines[22].starts_with("10000 "), "{lines:#?}");
    let top = first(&board);
    board.step(-3, 1_125);
    assert_eq!(first(&board), top, "what is in sight stays");
    board.step(isize::MIN, 1_125);
    assert_eq!(first(&board), "1");
    // A wide terminal shows names that a narrow one cuts.
    let named =
        JobInfo { name: "a-name-of-thirty-letters-or-so".into(), ..job(1, "alice", JobState::Pending, 1) };
    board.replace_jobs(vec![named]);
    assert!(screen(&board, 200, 50).iter().any(|line| line.contains("a-name-of-thirty-letters-or-so ")));
}

/// Run by the next test in a process of its own.
#[tokio::test]
#[ignore = "it panics"]
async fn panics_on_the_screen() {
    let _ = super::on_screen(async |_| panic!("on purpose")).await;
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a terminal is needed that a panic can harm")]
fn a_panic_leaves_the_terminal_as_it_was() {
    let own = std::env::current_exe().unwrap();
    let command = format!(
        "stty -g; {} --exact top::tests::panics_on_the_screen --ignored --nocapture; stty -g",
        own.display()
    );
    let mut terminal = std::process::Command::new("script");
    let ended = terminal
        .args(["-qec", &command, "/dev/null"])
        .stdin(std::process::Stdio::null())
        .env("RUST_BACKTRACE", "0")
        .output();
    let shown = String::from_utf8_lossy(&ended.unwrap().stdout).replace('\r', "");
    let settings: Vec<&str> =
        shown.lines().filter(|line| line.split(':').count() > 10 && !line.contains(' ')).collect();
    assert!(settings.len() == 2 && settings[0] == settings[1], "{shown}");
    let place = |what: &str| shown.rfind(what).unwrap_or_else(|| panic!("no {what:?} in {shown:?}"));
    // First the screen of before, then what went wrong, which would be lost on the other one.
    assert!(
        place("\x1b[?1049h") < place("\x1b[?1049l") && place("\x1b[?1049l") < place("on purpose"),
        "{shown:?}"
    );
}
