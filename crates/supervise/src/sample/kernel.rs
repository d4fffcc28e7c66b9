//! What the kernel's files say. Each of these takes a text and finds what is wanted in it, or nothing: lines that make no
//! sense are passed over, so that newer kernels may add to them.

use super::{Memory, Storage, ThreadTimes};
use std::time::Duration;

/// What a sector of `/proc/diskstats` is, whatever the disk has.
const SECTOR: u64 = 512;

/// Finds the number of a line `KEY NUMBER`.
pub(crate) fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// Reads `cpu.stat`: time in programs and in the kernel.
pub(crate) fn cpu_stat(text: &str) -> Option<(Duration, Duration)> {
    let micros = |key| keyed(text, key).map(Duration::from_micros);
    Some((micros("user_usec")?, micros("system_usec")?))
}

/// Reads a file of `/proc/pressure` or of a control group: for how long some were stalled.
pub(crate) fn stalled(text: &str) -> Option<Duration> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let total = some.split_ascii_whitespace().find_map(|word| word.strip_prefix("total="))?;
    total.parse().ok().map(Duration::from_micros)
}

/// Reads `io.stat`: sums over all devices.
pub(crate) fn io_stat(text: &str) -> Storage {
    let sum = |key: &str| {
        let found = text.split_ascii_whitespace().filter_map(|word| word.strip_prefix(key)?.parse().ok());
        found.fold(0_u64, u64::saturating_add)
    };
    Storage {
        read: sum("rbytes="),
        written: sum("wbytes="),
        operations: Some(sum("rios=").saturating_add(sum("wios="))),
    }
}

/// Reads the old tree's `blkio.throttle.*_recursive`, lines such as `8:0 Read 4096`: what was read and what written.
/// Nothing is known where there are no such lines: of such a machine no device is counted.
pub(crate) fn blkio(text: &str) -> Option<(u64, u64)> {
    let sum = |word: &str| {
        let of_word = text.lines().filter_map(|line| {
            let mut words = line.split_ascii_whitespace().skip(1);
            (words.next()? == word).then(|| words.next()?.parse::<u64>().ok())?
        });
        of_word.fold(None, |sum: Option<u64>, count| Some(sum.unwrap_or(0).saturating_add(count)))
    };
    Some((sum("Read")?, sum("Write")?))
}

/// Takes what `memory.stat` says off what is in use: the page cache that nobody looks at, and could be had at once. The
/// two trees have different names for it.
pub(crate) fn memory(in_use: u64, peak: Option<u64>, stat: &str, names: MemoryNames) -> Memory {
    let (idle, cached) = (keyed(stat, names.idle).unwrap_or(0), keyed(stat, names.cached));
    Memory { used: in_use.saturating_sub(idle), cached, peak }
}

/// What the lines of `memory.stat` are called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemoryNames {
    idle: &'static str,
    cached: &'static str,
}

/// In the unified tree.
pub(crate) const UNIFIED: MemoryNames = MemoryNames { idle: "inactive_file", cached: "file" };
/// In the old one, with what is in folders below.
pub(crate) const OLD: MemoryNames = MemoryNames { idle: "total_inactive_file", cached: "total_cache" };

/// Reads `/proc/PID/io`: bytes read from and written to storage.
pub(crate) fn process_io(text: &str) -> Option<(u64, u64)> {
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok());
    Some((value("read_bytes:")?, value("write_bytes:")?))
}

/// Reads `schedstat`: how often a thread was given a CPU.
pub(crate) fn turns(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().nth(2)?.parse().ok()
}

/// Reads `/proc/stat`: times of each CPU, and context switches since the machine began.
pub(crate) fn stat(text: &str, ticks_per_second: u64) -> (Vec<ThreadTimes>, Option<u64>) {
    let time = |ticks: u64| Duration::from_micros(ticks.saturating_mul(1_000_000) / ticks_per_second.max(1));
    let of_line = |line: &str| {
        let (name, numbers) = line.split_once(' ')?;
        let cpu: u32 = name.strip_prefix("cpu")?.parse().ok()?;
        let mut numbers = numbers.split_ascii_whitespace().map_while(|word| word.parse::<u64>().ok());
        let mut next = || numbers.next();
        // user nice system idle iowait irq softirq steal
        let (user, nice, system, _idle) = (next()?, next()?, next()?, next()?);
        let waiting = next();
        let (irq, soft) = (next().unwrap_or(0), next().unwrap_or(0));
        Some(ThreadTimes {
            cpu,
            user: time(user.saturating_add(nice)),
            system: time(system.saturating_add(irq).saturating_add(soft)),
            waiting: waiting.map(time),
        })
    };
    (text.lines().filter_map(of_line).collect(), keyed(text, "ctxt"))
}

/// Reads `/proc/meminfo`: memory in use, and the page cache.
pub(crate) fn meminfo(text: &str) -> Option<Memory> {
    let bytes = |key: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        rest.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    let (total, free, cached) = (bytes("MemTotal")?, bytes("MemFree")?, bytes("Cached")?);
    // Shared memory and tmpfs are in the page cache, but no cache: they cannot be had back.
    let shared = bytes("Shmem").unwrap_or(0);
    let slack = free.saturating_add(bytes("Buffers").unwrap_or(0)).saturating_add(cached);
    let used = total.saturating_sub(slack).saturating_add(shared).min(total);
    Some(Memory { used, cached: Some(cached.saturating_sub(shared)), peak: None })
}

/// Reads `/proc/diskstats`: sums over those devices that are wanted.
pub(crate) fn diskstats(text: &str, is_wanted: impl Fn(&str) -> bool) -> Option<Storage> {
    let of_line = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().take(10).collect();
        let number = |at: usize| words.get(at)?.parse::<u64>().ok();
        is_wanted(words.get(2)?).then_some(())?;
        Some((number(3)?, number(5)?, number(7)?, number(9)?))
    };
    let mut found = text.lines().filter_map(of_line).peekable();
    found.peek()?;
    let none = Storage { read: 0, written: 0, operations: Some(0) };
    Some(found.fold(none, |all, (reads, read, writes, written)| Storage {
        read: all.read.saturating_add(read.saturating_mul(SECTOR)),
        written: all.written.saturating_add(written.saturating_mul(SECTOR)),
        operations: all.operations.map(|count| count.saturating_add(reads).saturating_add(writes)),
    }))
}

/// Reads `/proc/net/dev`: bytes received and sent by those devices that are wanted.
pub(crate) fn net_dev(text: &str, is_wanted: impl Fn(&str) -> bool) -> Option<(u64, u64)> {
    let of_line = |line: &str| {
        let (name, numbers) = line.split_once(':')?;
        is_wanted(name.trim()).then_some(())?;
        let mut numbers = numbers.split_ascii_whitespace();
        let received = numbers.next()?.parse::<u64>().ok()?;
        Some((received, numbers.nth(7)?.parse::<u64>().ok()?))
    };
    let found = text.lines().filter_map(of_line);
    found.fold(None, |sum, (received, sent)| {
        let (before, earlier) = sum.unwrap_or((0_u64, 0_u64));
        Some((before.saturating_add(received), earlier.saturating_add(sent)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// None of these may panic or make something of nothing.
    const NONSENSE: [&str; 8] = [
        "",
        "\n\n",
        "cpu\ncpu0\ncpu0 \ncpux 1 2 3 4",
        "some total=\nsome total=x\nfull total=1",
        "user_usec\nuser_usec x\nsystem_usec -1",
        ":\n::\nlo:\n   eth0: 1",
        "8:0 Read\n8:0 Read x\nRead 5",
        "99999999999999999999999999",
    ];

    const fn micros(count: u64) -> Duration {
        Duration::from_micros(count)
    }

    #[test]
    fn nonsense_is_nothing() {
        for text in NONSENSE {
            assert_eq!((cpu_stat(text), stalled(text), blkio(text)), (None, None, None), "{text}");
            assert_eq!((process_io(text), turns(text), meminfo(text)), (None, None, None), "{text}");
            assert_eq!(stat(text, 100), (Vec::new(), None), "{text}");
            assert_eq!((diskstats(text, |_| true), net_dev(text, |_| true)), (None, None), "{text}");
            assert_eq!(io_stat(text), Storage { read: 0, written: 0, operations: Some(0) }, "{text}");
        }
    }

    #[test]
    fn keys_are_matched_whole() {
        let text = "oom 1\noom_kill 3\noom_group_kill 5\n";
        assert_eq!(
            (keyed(text, "oom_kill"), keyed(text, "kill"), keyed(text, "oom_k")),
            (Some(3), None, None)
        );
    }

    #[test]
    fn times_and_stalls() {
        let text = "usage_usec 30\nuser_usec 10\nsystem_usec 20\ncore_sched.force_idle_usec 0\n";
        assert_eq!(cpu_stat(text), Some((micros(10), micros(20))));
        let text = "some avg10=0.00 avg60=0.10 avg300=0.00 total=77\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n";
        assert_eq!(stalled(text), Some(micros(77)));
        assert_eq!(turns("9174 1167421 12\n"), Some(12));
    }

    #[test]
    fn storage_is_summed_up() {
        let text =
            "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2 rios=1 wios=1\n";
        assert_eq!(io_stat(text), Storage { read: 11, written: 22, operations: Some(5) });
        let text =
            "8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\n8:0 Total 30\n7:0 Read 1\n7:0 Write 0\nTotal 31\n";
        assert_eq!(blkio(text), Some((11, 20)));
        assert_eq!(blkio("Total 0\n"), None);
        let text = "rchar: 5\nwchar: 6\nsyscr: 1\nsyscw: 1\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 0\n";
        assert_eq!(process_io(text), Some((4096, 8192)));
        assert_eq!(process_io("read_bytes: 4096\n"), None);
        let text = "   7       0 loop0 9 0 9 0 9 0 9 0 0 0 0\n 254       0 vda 10 1 4 5 20 2 6 7 0 8 9 3 0 8 0 1 2\n 254 1 vda1 9 9 9 9 9 9 9 9 0 0 0\n 8 0 sda 1 2\n";
        let found = diskstats(text, |name| matches!(name, "vda" | "sda"));
        assert_eq!(found, Some(Storage { read: 4 * 512, written: 6 * 512, operations: Some(30) }));
        assert_eq!(diskstats(text, |name| name == "nvme0n1"), None);
    }

    #[test]
    fn memory_without_what_nobody_looks_at() {
        let stat = "anon 700\nfile 250\nkernel 50\nshmem 0\nactive_file 50\ninactive_file 200\n";
        let found = memory(1000, Some(1500), stat, UNIFIED);
        assert_eq!(found, Memory { used: 800, cached: Some(250), peak: Some(1500) });
        let stat = "cache 1\ninactive_file 1\ntotal_cache 300\ntotal_rss 700\ntotal_inactive_file 250\n";
        assert_eq!(memory(1000, None, stat, OLD), Memory { used: 750, cached: Some(300), peak: None });
        assert_eq!(memory(1000, None, "", OLD), Memory { used: 1000, cached: None, peak: None });
        // The two files are not of the same moment.
        assert_eq!(memory(100, None, stat, OLD).used, 0);
    }

    #[test]
    fn the_machine_has_cpus_and_memory() {
        let text = "cpu  30 3 12 900 14 0 3 0 0 0\ncpu0 10 1 4 300 5 1 1 7 0 0\ncpu12 20 2 8 600 9 0 2 0 0 0\nintr 5 0\nctxt 4711\nbtime 1700000000\n";
        let (threads, switches) = stat(text, 100);
        let first = ThreadTimes {
            cpu: 0,
            user: micros(110_000),
            system: micros(60_000),
            waiting: Some(micros(50_000)),
        };
        assert_eq!((threads.len(), threads[0], threads[1].cpu, switches), (2, first, 12, Some(4711)));
        let old = "cpu0 10 1 4 300\n";
        assert_eq!(stat(old, 100).0[0].waiting, None);
        let text = "MemTotal:       1000 kB\nMemFree:         200 kB\nMemAvailable:    600 kB\nBuffers:          50 kB\nCached:          300 kB\nSwapCached:        0 kB\nShmem:            80 kB\n";
        let found = meminfo(text).unwrap();
        assert_eq!((found.used, found.cached), ((1000 - 550 + 80) * 1024, Some(220 * 1024)));
    }

    #[test]
    fn what_devices_carry() {
        let text = "Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n  eth0:100 2 0 0 0 0 0 0 50 1 0 0 0 0 0 0\n  eth1: 1 2 0 0 0 0 0 0 2 1 0 0 0 0 0 0\n";
        assert_eq!(net_dev(text, |name| name != "lo"), Some((101, 52)));
        assert_eq!(net_dev(text, |name| name == "wlan0"), None);
    }
}
