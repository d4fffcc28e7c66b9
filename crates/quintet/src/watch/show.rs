//! srun's end: lets those in who may look on, and tells each of them what the tasks have written and write.

use super::frame::{Frame, Layout, is_over, read, written};
use super::tail::{Source, Tail};
use std::collections::VecDeque;
use std::io;
use std::os::unix::net::{SocketAddr, UnixListener as Listener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How many may look on at a time.
const MOST: usize = 64;
/// What of the past is kept for those who come later, bytes.
const KEPT: usize = 256 << 10;
/// How many pieces one may be behind; who is further behind is left there, since the step waits for nobody.
const BEHIND: usize = 1024;
/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long is waited at the end for those who have not read everything.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What somebody who looks on has typed, for one task or for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(crate) task: Option<u32>,
    pub(crate) bytes: Vec<u8>,
}

/// A step that can be looked at. Dropping it hangs up on all.
pub(crate) struct Show {
    shared: Arc<Mutex<Shared>>,
    #[expect(dead_code, reason = "it is there to be dropped, which ends what it waits for")]
    door: JoinSet<()>,
}

/// What is written, and who is told.
struct Shared {
    /// The last of what was told, for those who come later.
    past: VecDeque<Arc<[u8]>>,
    past_bytes: usize,
    told: Vec<mpsc::Sender<Arc<[u8]>>>,
    looking: JoinSet<()>,
}

impl Show {
    /// Begins to listen; what is typed comes out of the channel.
    ///
    /// # Errors
    /// If somebody else listens there, or the kernel does not let this process listen.
    pub(crate) fn begin(
        at: &SocketAddr,
        layout: &Layout,
        sources: Vec<Source>,
        typed: mpsc::Sender<Typed>,
    ) -> io::Result<Self> {
        let listener = Listener::bind_addr(at)?;
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        let shared =
            Shared { past: VecDeque::new(), past_bytes: 0, told: Vec::new(), looking: JoinSet::new() };
        let shared = Arc::new(Mutex::new(shared));
        let layout: Arc<[u8]> = written(&Frame::Layout(layout.clone())).into();
        let mut door = JoinSet::new();
        door.spawn(let_in(listener, Arc::clone(&shared), layout, Arc::new(sources), typed));
        Ok(Show { shared, door })
    }

    /// Tells all who look on, and will tell those who come later.
    pub(crate) fn tell(&self, frame: &Frame) {
        let bytes: Arc<[u8]> = written(frame).into();
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.told.retain(|told| told.try_send(Arc::clone(&bytes)).is_ok());
        shared.past_bytes += bytes.len();
        shared.past.push_back(bytes);
        while shared.past_bytes > KEPT && shared.past.len() > 1 {
            let gone = shared.past.pop_front().map_or(0, |gone| gone.len());
            shared.past_bytes = shared.past_bytes.saturating_sub(gone);
        }
    }

    /// Says that the step is over, and waits a little until that was read.
    pub(crate) async fn end(self, code: u8) {
        self.tell(&Frame::Over { code });
        let mut looking = {
            let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.told.clear();
            std::mem::take(&mut shared.looking)
        };
        let all = async { while looking.join_next().await.is_some() {} };
        // Whoever is slower than that is hung up on.
        let _ = tokio::time::timeout(LAST_WORDS, all).await;
    }
}

/// Lets in this process's own user and root, and nobody else.
async fn let_in(
    listener: UnixListener,
    shared: Arc<Mutex<Shared>>,
    layout: Arc<[u8]>,
    sources: Arc<Vec<Source>>,
    typed: mpsc::Sender<Typed>,
) {
    let own = rustix::process::geteuid().as_raw();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // There are no descriptors left, perhaps: not for long.
            tokio::time::sleep(LOOK).await;
            continue;
        };
        let may = stream.peer_cred().is_ok_and(|peer| peer.uid() == 0 || peer.uid() == own);
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        while shared.looking.try_join_next().is_some() {}
        if !may || shared.looking.len() >= MOST {
            continue;
        }
        let (tell, told) = mpsc::channel(BEHIND);
        let mut first = layout.to_vec();
        shared.past.iter().for_each(|bytes| first.extend_from_slice(bytes));
        shared.told.push(tell);
        let tails = sources.iter().filter_map(|source| source.tail().ok()).collect();
        shared.looking.spawn(look(stream, first, told, tails, typed.clone()));
    }
}

/// Stays with one who looks on, until they go or the step is over.
async fn look(
    stream: UnixStream,
    first: Vec<u8>,
    told: mpsc::Receiver<Arc<[u8]>>,
    tails: Vec<Tail>,
    typed: mpsc::Sender<Typed>,
) {
    let (from, to) = stream.into_split();
    tokio::select! {
        () = hear(from, typed) => {}
        // Whoever looks on and cannot be written to has gone.
        _ = show(to, first, told, tails) => {}
    }
}

async fn show(
    mut to: OwnedWriteHalf,
    first: Vec<u8>,
    mut told: mpsc::Receiver<Arc<[u8]>>,
    mut tails: Vec<Tail>,
) -> io::Result<()> {
    to.write_all(&first).await?;
    let mut turn = tokio::time::interval(LOOK);
    loop {
        let bytes = tokio::select! {
            bytes = told.recv() => bytes,
            _ = turn.tick(), if !tails.is_empty() => {
                for frame in tails.iter_mut().flat_map(Tail::more) {
                    to.write_all(&written(&frame)).await?;
                }
                continue;
            }
        };
        let Some(bytes) = bytes else { return Ok(()) };
        if is_over(&bytes) {
            // What is in the files was written before the end.
            for tail in &mut tails {
                loop {
                    let more = tail.more();
                    if more.is_empty() {
                        break;
                    }
                    for frame in &more {
                        to.write_all(&written(frame)).await?;
                    }
                }
            }
        }
        to.write_all(&bytes).await?;
    }
}

/// Passes on what is typed until nothing more comes.
async fn hear(from: OwnedReadHalf, typed: mpsc::Sender<Typed>) {
    let mut from = BufReader::new(from);
    while let Ok(Some(frame)) = read(&mut from).await {
        let Frame::Typed { task, bytes } = frame else { return };
        // Where tasks read nothing, nothing can be typed.
        let _ = typed.send(Typed { task, bytes }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Place;
    use super::*;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::UnixStream as Stream;

    fn address(name: &str) -> SocketAddr {
        SocketAddr::from_abstract_name(format!("quintet-test/{}/{name}", std::process::id())).unwrap()
    }

    async fn next(from: &mut UnixStream) -> Option<Frame> {
        read(from).await.unwrap()
    }

    fn connect(at: &SocketAddr) -> UnixStream {
        let stream = Stream::connect_addr(at).unwrap();
        stream.set_nonblocking(true).unwrap();
        UnixStream::from_std(stream).unwrap()
    }

    fn out(text: &str) -> Frame {
        Frame::Written { task: Some(0), place: Place::Output, bytes: text.as_bytes().to_vec() }
    }

    #[tokio::test]
    async fn those_who_come_later_see_what_was_written_before() {
        let at = address("later");
        let (typed, mut hear) = mpsc::channel(4);
        let layout = Layout { tasks: vec![0], ..Layout::default() };
        let show = Show::begin(&at, &layout, Vec::new(), typed).unwrap();
        show.tell(&out("before\n"));
        let mut looks = connect(&at);
        assert_eq!(next(&mut looks).await, Some(Frame::Layout(layout)));
        assert_eq!(next(&mut looks).await, Some(out("before\n")));
        show.tell(&out("after\n"));
        assert_eq!(next(&mut looks).await, Some(out("after\n")));
        let frame = Frame::Typed { task: None, bytes: b"hello\n".to_vec() };
        looks.write_all(&written(&frame)).await.unwrap();
        assert_eq!(hear.recv().await, Some(Typed { task: None, bytes: b"hello\n".to_vec() }));
        show.end(3).await;
        assert_eq!(next(&mut looks).await, Some(Frame::Over { code: 3 }));
        assert_eq!(next(&mut looks).await, None);
    }

    #[tokio::test]
    async fn a_step_waits_for_nobody_who_is_slow() {
        let at = address("slow");
        let (typed, _hear) = mpsc::channel(4);
        let show = Show::begin(&at, &Layout::default(), Vec::new(), typed).unwrap();
        let mut slow = connect(&at);
        assert!(matches!(next(&mut slow).await, Some(Frame::Layout(_))));
        let piece = out(&"x".repeat(1 << 10));
        for _ in 0..BEHIND * 4 {
            show.tell(&piece);
        }
        drop(show);
        let mut count = 0;
        while let Ok(Some(_)) = read(&mut slow).await {
            count += 1;
        }
        assert!(count < BEHIND * 4);
    }
}
