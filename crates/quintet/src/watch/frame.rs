//! What srun and those who look on say to each other: a kind, a task, a length, and bytes.

use serde::{Deserialize, Serialize};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The most bytes of a frame; nobody sends more than a fraction of it.
const LONGEST: usize = 1 << 20;
/// Instead of a task: all of them, or nobody knows which.
const NO_TASK: u32 = u32::MAX;

// The kinds, as they are written.
const LAYOUT: u8 = 0;
const OUTPUT: u8 = 1;
const ERROR: u8 = 2;
const ENDED: u8 = 3;
const OVER: u8 = 4;
const TYPED: u8 = 5;

/// Where a task wrote something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// To its standard output.
    Output,
    /// To its standard error.
    Error,
}

/// What a step looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layout {
    /// Names of its nodes.
    pub(crate) nodes: Vec<String>,
    /// For each task the place of its node among them.
    pub(crate) tasks: Vec<u32>,
    /// Task 0 has a terminal.
    pub(crate) terminal: bool,
    /// What is typed by those who look on reaches tasks.
    pub(crate) reads: bool,
    /// There are tasks whose output cannot be shown: they write to a pipe or the like themselves.
    pub(crate) hidden: bool,
}

/// What one says to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// The step, to begin with.
    Layout(Layout),
    /// Something was written, by this task if it is known.
    Written { task: Option<u32>, place: Place, bytes: Vec<u8> },
    /// A task ended badly; the text says how.
    Ended { task: u32, how: String },
    /// The step is over, and leaves this exit code. Nothing follows.
    Over { code: u8 },
    /// Something was typed, for this task or for all.
    Typed { task: Option<u32>, bytes: Vec<u8> },
}

/// Returns a frame as bytes.
pub(crate) fn written(frame: &Frame) -> Vec<u8> {
    let (kind, task, bytes) = match frame {
        Frame::Layout(layout) => (LAYOUT, None, serde_json::to_vec(layout).unwrap_or_default()),
        Frame::Written { task, place: Place::Output, bytes } => (OUTPUT, *task, bytes.clone()),
        Frame::Written { task, place: Place::Error, bytes } => (ERROR, *task, bytes.clone()),
        Frame::Ended { task, how } => (ENDED, Some(*task), how.clone().into_bytes()),
        Frame::Over { code } => (OVER, None, vec![*code]),
        Frame::Typed { task, bytes } => (TYPED, *task, bytes.clone()),
    };
    let mut written = vec![kind];
    written.extend_from_slice(&task.unwrap_or(NO_TASK).to_le_bytes());
    written.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    written.extend(bytes);
    written
}

/// Tells whether what `written` returned is the frame that says that the step is over.
pub(crate) fn is_over(written: &[u8]) -> bool {
    written.first() == Some(&OVER)
}

/// Reads the next frame; nothing at the end.
///
/// # Errors
/// If the connection fails, or what comes is no frame.
pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Frame>> {
    let kind = match from.read_u8().await {
        Ok(kind) => kind,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    let garbled = || io::Error::from(io::ErrorKind::InvalidData);
    let task = from.read_u32_le().await?;
    let length = usize::try_from(from.read_u32_le().await?).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(garbled());
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).await?;
    let known = (task != NO_TASK).then_some(task);
    Ok(Some(match (kind, bytes.as_slice()) {
        (LAYOUT, _) => Frame::Layout(serde_json::from_slice(&bytes).map_err(|_| garbled())?),
        (OUTPUT, _) => Frame::Written { task: known, place: Place::Output, bytes },
        (ERROR, _) => Frame::Written { task: known, place: Place::Error, bytes },
        (ENDED, _) => Frame::Ended { task, how: String::from_utf8_lossy(&bytes).into_owned() },
        (OVER, [code]) => Frame::Over { code: *code },
        (TYPED, _) => Frame::Typed { task: known, bytes },
        _ => return Err(garbled()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(bytes: &[u8]) -> io::Result<Vec<Frame>> {
        let work = async {
            let (mut from, mut frames) = (bytes, Vec::new());
            while let Some(frame) = read(&mut from).await? {
                frames.push(frame);
            }
            Ok(frames)
        };
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    #[test]
    fn frames_come_back_as_they_were() {
        let layout = Layout { nodes: vec!["n1".into()], tasks: vec![0, 0], reads: true, ..Layout::default() };
        let all = [
            Frame::Layout(layout),
            Frame::Written { task: Some(1), place: Place::Output, bytes: b"out\n".to_vec() },
            Frame::Written { task: None, place: Place::Error, bytes: Vec::new() },
            Frame::Ended { task: 7, how: "Killed".into() },
            Frame::Over { code: 137 },
            Frame::Typed { task: None, bytes: b"x".to_vec() },
        ];
        let bytes: Vec<u8> = all.iter().flat_map(written).collect();
        assert_eq!(read_all(&bytes).unwrap(), all);
        for frame in &all {
            assert_eq!(is_over(&written(frame)), matches!(frame, Frame::Over { .. }), "{frame:?}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for bytes in [&[9, 0, 0, 0, 0, 0, 0, 0, 0][..], &[1, 0, 0, 0, 0, 255, 255, 255, 255], &[4, 0, 0, 0]] {
            assert!(read_all(bytes).is_err(), "{bytes:?}");
        }
        let unreadable = [&[0, 0, 0, 0, 0, 1, 0, 0, 0][..], b"x"].concat();
        assert!(read_all(&unreadable).is_err());
    }
}
