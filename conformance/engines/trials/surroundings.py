"""What a script finds around it: variables, limits, who it is."""

from place import check, number, same
from stage import trial


def variables(t, name):
    """The variables that a job has written with `env -0` into a file."""
    return dict(line.split("=", 1) for line in t.read(name).split("\0") if "=" in line)


@trial()
def given_variables(t):
    """The environment is the one that was given, and what Slurm adds: nothing comes from elsewhere."""
    path = "PATH=/usr/bin:/bin"
    given = ["GIVEN=as it is", "EMPTY=", "SIGNS=a=b;c$d\"e'f", "LINES=one\ntwo", "FAR=süß"]
    t.submit("env -0 >env", environment=[path, *given]).ended("COMPLETED", code=0)
    found = variables(t, "env")
    for text in given:
        name, value = text.split("=", 1)
        same(found.get(name), value, name)
    if t.differs("our own `srun` stands first on every script's `PATH`, and is told by `QUINTET_STEPS` whom to ask"):
        before, _, rest = found["PATH"].partition(":")
        check(before.endswith("/bin") and f"PATH={rest}" == path, "the path:", found["PATH"])
        check(found.pop("QUINTET_STEPS") and found.pop("QUINTET_STEPS_RUN"), "whom it asks")
    else:
        same(f"PATH={found['PATH']}", path, "the path")
    added = {name for name in found if not name.startswith("SLURM")} - {text.split("=")[0] for text in [path, *given]}
    check(added <= {"TMPDIR", "PWD", "ENVIRONMENT", "HOSTNAME", "_", "SHLVL", "OLDPWD"}, "added besides:", sorted(added))
    same((found["PWD"], found["TMPDIR"], found["ENVIRONMENT"]), (t.folder, "/tmp", "BATCH"), "what is added")


@trial()
def made_variables(t):
    """A job is told about itself as it is."""
    job = t.submit("env -0 >env", name="self", account="chemistry", tasks=2, cpus_per_task=2, memory_per_cpu=60)
    record, _ = job.ended("COMPLETED", code=0)
    found = variables(t, "env")
    wanted = {
        "SLURM_JOB_ID": str(job.id), "SLURM_JOBID": str(job.id), "SLURM_JOB_NAME": "self", "SLURM_JOB_PARTITION": "common",
        "SLURM_JOB_ACCOUNT": "chemistry", "SLURM_JOB_QOS": "normal", "SLURM_JOB_USER": "alice", "SLURM_JOB_UID": "2001",
        "SLURM_CLUSTER_NAME": "testbed", "SLURM_JOB_NODELIST": record["nodes"], "SLURM_NODELIST": record["nodes"],
        "SLURMD_NODENAME": record["nodes"], "SLURM_JOB_NUM_NODES": "1", "SLURM_NNODES": "1", "SLURM_NTASKS": "2",
        "SLURM_NPROCS": "2", "SLURM_CPUS_ON_NODE": "4", "SLURM_JOB_CPUS_PER_NODE": "4", "SLURM_TASKS_PER_NODE": "2",
        "SLURM_MEM_PER_CPU": "60", "SLURM_NODEID": "0", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_GTIDS": "0",
        "SLURM_JOB_GID": str(record["group_id"]["number"] if isinstance(record["group_id"], dict) else record["group_id"]),
    }
    same({name: found.get(name) for name in wanted}, wanted, "what the job is told")
    check("SLURM_RESTART_COUNT" not in found and "SLURM_ARRAY_JOB_ID" not in found, "what it is not told")
    same(int(found["SLURM_JOB_START_TIME"]), number(record["start_time"]), "start as told to the job")
    same(int(found["SLURM_JOB_END_TIME"]) - int(found["SLURM_JOB_START_TIME"]), 600, "time as told to the job")
    if t.differs("jobs submitted over REST are told what sbatch tells: `SLURM_SUBMIT_DIR`, `SLURM_CPUS_PER_TASK`"):
        same((found["SLURM_SUBMIT_DIR"], found["SLURM_CPUS_PER_TASK"]), (t.folder, "2"), "what is told besides")
    else:
        check("SLURM_SUBMIT_DIR" not in found, "sbatch alone tells of these")


@trial()
def variables_of_arrays(t):
    """Elements know which one they are, and of how many."""
    job = t.submit("env -0 >env.$SLURM_ARRAY_TASK_ID", array="2-6:2")
    for index in (2, 4, 6):
        job.accounted("COMPLETED", name=f"{job.id}_{index}")
        found = variables(t, f"env.{index}")
        same((found["SLURM_ARRAY_JOB_ID"], found["SLURM_ARRAY_TASK_ID"], found["SLURM_ARRAY_TASK_COUNT"]),
             (str(job.id), str(index), "3"), "what an element is told")


@trial(nodes=3)
def variables_of_nodes(t):
    """A job of several nodes is told which, and what it has of each."""
    job = t.submit("env -0 >env", nodes="2", tasks=6, tasks_per_node=3, tres_per_node="gres/gpu:1")
    record, _ = job.ended("COMPLETED", code=0)
    found = variables(t, "env")
    wanted = {
        "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_NODELIST": record["nodes"], "SLURM_JOB_CPUS_PER_NODE": "3(x2)",
        "SLURM_TASKS_PER_NODE": "3(x2)", "SLURM_NTASKS": "6", "SLURM_CPUS_ON_NODE": "3", "SLURM_GPUS_ON_NODE": "1",
        "SLURMD_NODENAME": record["batch_host"],
    }
    same({name: found.get(name) for name in wanted}, wanted, "what the job is told")
    check(found["CUDA_VISIBLE_DEVICES"] in ("0", "1") and found["SLURM_JOB_GPUS"] in ("0", "1"), "its GPU is told:", found)


@trial()
def mask_and_limits(t):
    """Mask and limits are those that were given by name or by variable; without them the mask is 0022."""
    t.submit("umask; ulimit -n", environment=["PATH=/bin", "SLURM_UMASK=0077"], standard_output="mask",
             rlimits={"nofile": {"set": True, "number": 64}}).ended("COMPLETED", code=0)
    same(t.lines("mask"), ["0077", "64"], "mask and limit of files")
    t.submit("ulimit -n; ulimit -c", environment=["PATH=/bin", "SLURM_RLIMIT_NOFILE=65", "SLURM_RLIMIT_CORE=0"],
             standard_output="limits").ended("COMPLETED", code=0)
    same(t.lines("limits"), ["65", "0"], "limits by variable")
    t.submit("umask", standard_output="plain").ended("COMPLETED", code=0)
    same(t.lines("plain"), ["0022"], "mask without a word")


@trial()
def identity(t):
    """A job is its user's, in his groups, in its working directory."""
    t.needs("users of their own")
    job = t.submit("id -u; id -g; id -G; pwd", by=t.bob, standard_output="who")
    record, accounted = job.ended("COMPLETED", code=0)
    user, group, groups, place = t.lines("who")
    same((user, place), ("2002", t.folder), "user and place")
    same((record["user_name"], accounted["user"], accounted["account"]), ("bob", "bob", "chemistry"), "owner as told")
    check({group, "2100"} <= set(groups.split()), "its groups:", groups)
