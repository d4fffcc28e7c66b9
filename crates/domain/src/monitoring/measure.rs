//! What the sampler can measure, by the names that ClusterCockpit's users know.

macro_rules! measures {
    ($($(#[$doc:meta])* $measure:ident = $name:literal,)*) => {
        /// Something that is measured of a job or of a machine.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Measure {
            $($(#[$doc])* $measure,)*
        }

        impl Measure {
            /// All of them.
            pub const ALL: &[Measure] = &[$(Measure::$measure),*];

            /// Returns the metric's name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Measure::$measure => $name,)*
                }
            }
        }
    };
}

measures! {
    /// CPUs kept busy by a job; of a machine its load over a minute.
    CpuLoad = "cpu_load",
    /// Part of the time of its CPUs spent in programs, percent.
    CpuUser = "cpu_user",
    /// Part of the time of its CPUs spent in the kernel, percent.
    CpuSystem = "cpu_system",
    /// Part of the time of CPUs in which they were idle and something waited for storage, percent.
    CpuIoWait = "cpu_iowait",
    /// Memory in use, gigabytes.
    MemUsed = "mem_used",
    /// The page cache, gigabytes.
    MemCached = "mem_cached",
    /// The most memory that ever was in use, with the page cache, gigabytes.
    MemPeak = "mem_peak",
    /// Read from and written to storage, megabytes a second.
    FileBandwidth = "file_bw",
    /// Read from storage, megabytes a second.
    FileRead = "file_read_bw",
    /// Written to storage, megabytes a second.
    FileWrite = "file_write_bw",
    /// Requests to storage, each second.
    FileOperations = "file_ops",
    /// Received and sent, megabytes a second.
    NetBandwidth = "net_bw",
    /// Received, megabytes a second.
    NetRead = "eth_read_bw",
    /// Sent, megabytes a second.
    NetWrite = "eth_write_bw",
    /// Part of the time in which something waited for a CPU, percent.
    CpuPressure = "cpu_pressure",
    /// Part of the time in which something waited for memory, percent.
    MemPressure = "mem_pressure",
    /// Part of the time in which something waited for storage, percent.
    IoPressure = "io_pressure",
    /// How often a CPU went from one thread to another, each second.
    ContextSwitches = "ctx_switches",
    /// Processes.
    Processes = "processes",
    /// Frequency of CPUs, megahertz.
    Clock = "clock",
    /// Power of processor packages, watts.
    CpuPower = "cpu_power",
    /// Power of their memory, watts.
    MemPower = "mem_power",
    /// Part of the time in which something ran on a GPU, percent.
    AccUtilization = "acc_utilization",
    /// Memory of a GPU in use, gigabytes.
    AccMemUsed = "acc_mem_used",
    /// Power of a GPU, watts.
    AccPower = "acc_power",
}

impl Measure {
    /// Finds the one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Measure::ALL.iter().copied().find(|measure| measure.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_used_once() {
        for measure in Measure::ALL {
            assert_eq!(Measure::named(measure.name()), Some(*measure));
        }
        assert_eq!(Measure::named("flops_any"), None);
    }
}
