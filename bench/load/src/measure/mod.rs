//! The measurements, one file for each thing measured. All of them work on ours and, smaller, on the peer.

pub(crate) mod associations;
pub(crate) mod cluster;
pub(crate) mod connections;
pub(crate) mod doors;
pub(crate) mod idle;
pub(crate) mod launches;
pub(crate) mod monitoring;
pub(crate) mod past;
pub(crate) mod queue;
pub(crate) mod reads;
pub(crate) mod submissions;
pub(crate) mod tables;

use std::path::Path;

use serde_json::{Value, json};

/// What a measurement is given besides the target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a> {
    /// A folder that everybody can enter.
    pub(crate) folder: &'a Path,
    /// By what the sizes are divided; 1 for the figures that count.
    pub(crate) divisor: usize,
}

impl Setting<'_> {
    /// A size, made smaller where only a glance is wanted.
    pub(crate) fn size(&self, full: usize) -> usize {
        (full / self.divisor).max(1)
    }
}

/// The typical submission, about 1.3 kB: what a pipeline sends.
pub(crate) fn typical_job(partition: &str) -> String {
    let script = "#!/bin/bash\n#SBATCH --job-name=align\nset -euo pipefail\nmodule load bwa samtools\n\
        cd \"$SLURM_SUBMIT_DIR\"\nfor sample in reads/*.fastq.gz; do\n  name=$(basename \"$sample\" .fastq.gz)\n  \
        bwa mem -t \"$SLURM_CPUS_PER_TASK\" reference/genome.fa \"$sample\" | samtools sort -o \"aligned/$name.bam\" -\n  \
        samtools index \"aligned/$name.bam\"\ndone\n";
    let environment = [
        "PATH=/usr/local/bin:/usr/bin:/bin",
        "HOME=/home/alice",
        "USER=alice",
        "LANG=C.UTF-8",
        "OMP_NUM_THREADS=1",
        "TMPDIR=/tmp",
        "MODULEPATH=/opt/modules/all",
        "LD_LIBRARY_PATH=/opt/bwa/lib:/opt/samtools/lib:/usr/local/lib",
        "PYTHONPATH=/home/alice/pipeline/lib/python3.11/site-packages",
        "LOADEDMODULES=gcc/14.2:bwa/0.7.18:samtools/1.21:htslib/1.21",
        "SSH_CONNECTION=192.0.2.17 51514 192.0.2.1 22",
        "XDG_RUNTIME_DIR=/run/user/2001",
        "REFERENCE=/data/reference/grch38/genome.fa",
        "PIPELINE_RUN=2026-11-21T09:22:52Z/8d1e6a90",
    ];
    json!({
        "script": script,
        "job": {
            "name": "align",
            "partition": partition,
            "current_working_directory": "/tmp",
            "environment": environment,
            "standard_output": "/dev/null",
            "standard_error": "/dev/null",
            "tasks": 1,
            "cpus_per_task": 1,
            "memory_per_node": { "set": true, "number": 500 },
            "time_limit": { "set": true, "number": 90 },
            "comment": "sample batch 17 of 240, project reference-free assembly",
            "requeue": true,
            "nice": 0,
        },
    })
    .to_string()
}

/// A job that runs a script without further ado.
pub(crate) fn script_job(script: &str, partition: Option<&str>, more: Value) -> String {
    let mut job = json!({
        "name": "bench",
        "current_working_directory": "/tmp",
        "environment": ["PATH=/usr/bin:/bin"],
        "standard_output": "/dev/null",
        "standard_error": "/dev/null",
    });
    if let (Some(job), Some(more)) = (job.as_object_mut(), more.as_object()) {
        job.extend(more.clone());
        if let Some(partition) = partition {
            job.insert("partition".to_owned(), json!(partition));
        }
    }
    json!({ "script": script, "job": job }).to_string()
}

/// The partition that starts nothing.
pub(crate) fn down(is_peer: bool) -> &'static str {
    if is_peer { "idle" } else { "down" }
}

/// A duration in milliseconds.
pub(crate) fn ms(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_typical_job_has_its_size() {
        let size = typical_job("main").len();
        assert!((1_200..1_500).contains(&size), "{size} bytes");
    }
}
