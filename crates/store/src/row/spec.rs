//! Rows of what was asked for.

use domain::job::{
    Constraint, JobFlags, JobKind, JobSpec, MailTypes, OpenMode, Owner, Resources, Streams, Uncommon,
    Warning, WarningScope,
};
use domain::{Gid, Text, TimeLimit, Timestamp, Uid};

rows! {
    JobSpec => JobSpecRow {
        owner = "o": Owner,
        kind = "k": JobKind,
        name = "n": Text,
        account = "a": Text,
        partitions = "p": Vec<Text>,
        qos = "q": Text,
        wckey = "w": Text,
        work_dir = "d": Text,
        streams = "s": Streams,
        time_limit = "t": TimeLimit,
        time_minimum = "tm": u32,
        resources = "r": Resources,
        begin = "b": Option<Timestamp>,
        deadline = "dl": Option<Timestamp>,
        nice = "ni": i32,
        fixed_priority = "fp": Option<u32>,
        requeue = "rq": bool,
        kill_on_node_fail = "kf": bool,
        warning = "wa": Option<Warning>,
        flags = "f": JobFlags,
        comment = "c": Text,
        command = "cm": Text,
        uncommon = "u": Option<Box<Uncommon>>,
    }
    Owner => OwnerRow {
        name = "n": Text,
        uid = "u": Uid,
        gid = "g": Gid,
        group = "gn": Text,
    }
    Streams => StreamsRow {
        input = "i": Text,
        output = "o": Text,
        error = "e": Text,
        open_mode = "m": OpenMode,
    }
    Warning => WarningRow {
        signal = "s": i32,
        lead = "l": u16,
        scope = "w": WarningScope,
        flags = "f": u16,
    }
    Uncommon => UncommonRow {
        admin_comment = "ac": Text,
        extra = "ex": Text,
        mail_types = "mt": MailTypes,
        mail_user = "mu": Text,
        reservation = "re": Text,
        licenses = "li": Text,
        prefer = "pr": Option<Constraint>,
        batch_features = "bf": Text,
        cluster_features = "cf": Text,
        clusters = "cl": Text,
        network = "ne": Text,
        burst_buffer = "bb": Text,
        container = "co": Text,
        container_id = "ci": Text,
        mcs_label = "ml": Text,
        selinux_context = "se": Text,
        tres_per_job = "tj": Text,
        tres_per_node = "tn": Text,
        tres_per_socket = "ts": Text,
        tres_per_task = "tt": Text,
        tres_bind = "tb": Text,
        tres_freq = "tf": Text,
        cpus_per_tres = "ct": Text,
        memory_per_tres = "mp": Text,
        cpu_frequency = "cq": Option<[u32; 3]>,
        accounting_frequency = "af": Text,
        core_spec = "cs": Option<u16>,
        thread_spec = "th": Option<u16>,
        switches = "sw": u32,
        switch_wait = "sx": u32,
        segment_size = "sg": u16,
        tasks_per_tres = "tp": u16,
        delay_boot = "db": u32,
        reboot = "rb": bool,
        wait_all_nodes = "wn": bool,
        oom_kill_step = "ok": bool,
        profile = "pf": u16,
        site_factor = "sf": i32,
        reserve_ports = "rp": u16,
        cpu_binding = "cb": Text,
        cpu_binding_flags = "cg": u32,
        memory_binding = "mb": Text,
        memory_binding_flags = "mg": u16,
        rlimits = "rl": Vec<(Text, Option<u64>)>,
        distribution = "di": Text,
        umask = "um": Option<u32>,
        submit_line = "sl": Text,
        cron = "cr": Text,
        origin = "or": Text,
        told = "to": Vec<(Text, Text)>,
        limit_seconds = "ls": Option<u32>,
    }
}

codes! {
    JobKind, "kind of job" {
        Batch = 0,
        Allocation = 1,
    }
    OpenMode, "open mode" {
        Default = 0,
        Append = 1,
        Truncate = 2,
    }
    WarningScope, "scope of a signal" {
        Steps = 0,
        Batch = 1,
        Full = 2,
    }
}
