//! `quintet top` at a terminal: what it shows, what its keys do, and how it leaves the terminal.

use crate::program::Program;
use crate::screen::Screen;

const NODES: &str = "[[nodes]]\nname = \"n[1-3]\"\ncpus = 4\nmemory = 2000\n";

fn top(quintet: &Program, columns: u16, rows: u16) -> Screen {
    let screen = Screen::of(&quintet.command(&["top"]), columns, rows);
    screen.until("the board", |lines| lines.last().is_some_and(|line| line.starts_with("q quit")));
    screen
}

#[test]
fn jobs_are_watched_held_and_cancelled_after_a_question() {
    let quintet = Program::serving(NODES);
    quintet.ok(&["submit", "-J", "runs", "-n1", "-o", "out", "--wrap", "sleep 1000"]);
    let mut screen = top(&quintet, 80, 24);
    // The parts of the board are asked for, and drawn, one after the other.
    screen.until("the job, in the list and in the sums", |lines| {
        lines.iter().any(|line| line.contains("RUNNING"))
            && lines[0].starts_with("3 nodes, 1/12 CPUs, 1 running, 0 waiting")
            && lines[2].starts_with("n1           MIXED          1/4       [###.......]")
    });
    // What happens is seen.
    quintet.ok(&["submit", "-J", "waits", "-n1", "-b", "now+1hour", "--wrap", "true"]);
    screen.shows("(BeginTime)");
    screen.press("jh");
    screen.shows("(JobHeldUser)");
    screen.press("h");
    screen.shows("job 2 released");
    screen.press("kc");
    screen.shows("cancel job 1? y or n");
    screen.press("n");
    screen.shows("job 1 is left alone");
    screen.press("c");
    screen.shows("cancel job 1? y or n");
    screen.press("y");
    screen.until("job 1 is gone", |lines| !lines.iter().any(|line| line.contains("RUNNING")));
    screen.press("q");
    assert_eq!(screen.end(), 0);
}

#[test]
fn it_fits_whatever_size_the_terminal_has() {
    let quintet = Program::serving(NODES);
    let name = "a-name-too-long-for-eighty";
    quintet.ok(&["submit", "-H", "-J", name, "--wrap", "true"]);
    let mut screen = top(&quintet, 80, 24);
    assert!(!screen.shows("PENDING").iter().any(|line| line.contains(name)));
    screen.resize(200, 50);
    screen.until("the whole name, and the last line at the bottom", |lines| {
        lines.iter().any(|line| line.contains(name))
            && lines.get(49).is_some_and(|line| line.starts_with("q quit"))
    });
    screen.resize(20, 5);
    screen.until("a small board", |lines| lines.len() == 5 && lines[4].starts_with("q quit"));
    screen.resize(80, 24);
    screen.until("the board again", |lines| lines.get(23).is_some_and(|line| line.starts_with("q quit")));
    screen.press("\x03");
    assert_eq!(screen.end(), 0, "Ctrl-C ends it");
}

#[test]
fn signals_end_it_and_the_terminal_is_as_it_was() {
    let quintet = Program::serving(NODES);
    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1), ("QUIT", 3)] {
        let screen = top(&quintet, 80, 24);
        screen.signal(name);
        assert_eq!(screen.end(), 128 + number, "{name}");
    }
}

#[test]
fn a_service_that_goes_away_is_waited_for() {
    let mut quintet = Program::serving(NODES);
    quintet.ok(&["submit", "-H", "-J", "held", "--wrap", "true"]);
    let mut screen = top(&quintet, 80, 24);
    let address = quintet.address();
    quintet.stop("TERM");
    screen.shows("trying again");
    quintet.serve_on(&address);
    screen.until("it is back", |lines| lines[23].starts_with("q quit"));
    quintet.ok(&["submit", "-H", "-J", "later", "--wrap", "true"]);
    screen.shows("later");
    screen.press("q");
    assert_eq!(screen.end(), 0);
}

#[test]
fn without_a_terminal_it_says_what_to_use_instead() {
    let quintet = Program::serving(NODES);
    let refused = quintet.run(&["top"]);
    assert!(refused.code == 2 && refused.stderr.contains("quintet ps"), "{}", refused.stderr);
}
