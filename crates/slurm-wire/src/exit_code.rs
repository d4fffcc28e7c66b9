//! How a process ended: from the number that Slurm keeps to the object of a reply.

use crate::job_info::{ProcessExitCodeVerbose, ProcessExitCodeVerboseSignal};
use crate::no_val::NoVal;
use crate::signal;
use crate::words::ProcessStatus;

impl ProcessExitCodeVerbose {
    /// A process that has not ended.
    pub fn pending() -> Self {
        ProcessExitCodeVerbose { status: ProcessStatus::Pending.into(), ..Self::default() }
    }

    /// A process that ended by itself.
    pub fn exited(code: u8) -> Self {
        let status = if code == 0 { ProcessStatus::Success } else { ProcessStatus::Error };
        ProcessExitCodeVerbose {
            status: status.into(),
            return_code: NoVal::Set(code.into()),
            signal: ProcessExitCodeVerboseSignal::default(),
        }
    }

    /// A process that a signal ended.
    pub fn signalled(number: u16, with_core: bool) -> Self {
        let status = if with_core { ProcessStatus::CoreDumped } else { ProcessStatus::Signaled };
        ProcessExitCodeVerbose {
            status: status.into(),
            return_code: NoVal::Unset,
            signal: ProcessExitCodeVerboseSignal {
                id: NoVal::Set(number),
                name: signal::shown(number).into(),
            },
        }
    }

    /// Reads what `wait` reported: seven bits of signal, one for the core, eight of exit code.
    pub fn from_wait_status(status: u32) -> Self {
        let number = (status & 0x7f) as u16;
        match number {
            0 => Self::exited((status >> 8 & 0xff) as u8),
            number => Self::signalled(number, status & 0x80 != 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::to_json;

    #[test]
    fn ends_are_told_as_the_original_does() {
        let told = |code: ProcessExitCodeVerbose| String::from_utf8(to_json(&code)).unwrap();
        assert_eq!(
            told(ProcessExitCodeVerbose::from_wait_status(3 << 8)),
            r#"{"status":["ERROR"],"return_code":{"set":true,"infinite":false,"number":3},"signal":{"id":{"set":false,"infinite":false,"number":0},"name":""}}"#
        );
        assert_eq!(
            told(ProcessExitCodeVerbose::from_wait_status(15)),
            r#"{"status":["SIGNALED"],"return_code":{"set":false,"infinite":false,"number":0},"signal":{"id":{"set":true,"infinite":false,"number":15},"name":"TERM"}}"#
        );
    }
}
