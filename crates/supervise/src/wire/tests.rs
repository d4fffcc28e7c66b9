//! Messages survive the way there and back, in any pieces; broken ones are refused without a panic.

use super::*;
use crate::launch::{Credentials, Limits, Resource, Rlimit, Script, Stream};
use proptest::prelude::*;

fn everything() -> Launch {
    let mut launch = Launch::new(RunId { key: 17, attempt: 2 }, ["a", "", "c d"]);
    launch.program = Some("/bin/true".into());
    launch.env = vec![("A".into(), "1".into()), ("EMPTY".into(), "".into())];
    launch.user = Some(Credentials { uid: 7, gid: 8, groups: vec![8, 9] });
    launch.rlimits = vec![Rlimit { resource: Resource::Nofile, soft: Some(5), hard: None }];
    launch.stdin = Stream::Read("in".into());
    launch.stdout = Stream::Append("out".into());
    launch.stderr = Stream::SameAsStdout;
    launch.script = Some(Script { path: "/s".into(), content: vec![0, 255, 10] });
    launch.limits = Limits {
        memory: Some(1),
        cpus: Some(vec![0, 3]),
        cpu_quota: Some(1.5),
        pids: Some(4),
        deny_devices: vec!["/dev/null".into()],
        die_together: true,
    };
    launch.nice = -3;
    launch.oom_score = 500;
    launch
}

#[test]
fn a_launch_survives_in_single_bytes() {
    let request = Request::Launch(Box::new(everything()));
    let mut bytes = Vec::new();
    put_frame(&request, &mut bytes);
    put_frame(&Request::Suspend(RunId { key: 1, attempt: 0 }), &mut bytes);
    let mut inbox = Inbox::default();
    let mut came = Vec::new();
    for byte in bytes {
        inbox.extend(&[byte]);
        while let Some(message) = inbox.message::<Request>().unwrap() {
            came.push(message);
        }
    }
    assert_eq!(came, [request, Request::Suspend(RunId { key: 1, attempt: 0 })]);
}

#[test]
fn a_greeting_of_another_kind_is_refused() {
    let mut inbox = Inbox::default();
    inbox.extend(b"qn");
    assert_eq!(inbox.greeting::<Answer>(), Ok(None));
    inbox.extend(b"GET / HTTP/1.1\r\n");
    assert_eq!(inbox.greeting::<Answer>(), Err(Unreadable));
}

#[test]
fn the_greeting_keeps_its_bytes() {
    // A launcher of an older version must understand this for ever.
    let mut bytes = Vec::new();
    put_greeting(&Answer::Renew { exe: "/q".into(), args: vec!["x".into()] }, &mut bytes);
    assert_eq!(bytes, b"qntlnch\n\x10\0\0\0\x01\x02\0\0\0/q\x01\0\0\0\x01\0\0\0x");
    let mut bytes = Vec::new();
    put_greeting(&Answer::Serve { protocol: 1 }, &mut bytes);
    assert_eq!(bytes, b"qntlnch\n\x05\0\0\0\0\x01\0\0\0");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut inbox = Inbox::default();
        inbox.extend(&bytes);
        while let Ok(Some(_)) = inbox.message::<Request>() {}
        let mut inbox = Inbox::default();
        inbox.extend(&bytes);
        let _ = inbox.message::<Notice>();
        let _ = Reader::whole::<Request>(&bytes);
        let _ = Reader::whole::<Notice>(&bytes);
    }

    #[test]
    fn a_damaged_launch_never_panics(at in 0usize..300, value in any::<u8>()) {
        let mut bytes = Vec::new();
        Request::Launch(Box::new(everything())).put(&mut bytes);
        let length = bytes.len();
        bytes[at % length] = value;
        let _ = Reader::whole::<Request>(&bytes);
    }
}
