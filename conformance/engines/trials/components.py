"""Heterogeneous jobs: several parts that begin together."""

from place import number, same, until, until_there
from stage import trial


def parts(job):
    return sorted(job.records(), key=lambda record: number(record["het_job_offset"]))


@trial()
def together(t):
    """Parts have numbers in a row, begin together, and the script of the first is told of all."""
    job = t.submit_parts(f"env -0 >env; {until_there('go')}", {"tasks": 1}, {"tasks": 2, "memory_per_cpu": 30})
    found = until(lambda: parts(job), lambda found: all("RUNNING" in part["job_state"] for part in found), "all parts to run")
    same([part["job_id"] for part in found], [job.id, job.id + 1], "their numbers")
    same([number(part["het_job_id"]) for part in found], [job.id] * 2, "their leader")
    same([number(part["cpus"]) for part in found], [1, 2], "their CPUs")
    t.write("go")
    job.ended("COMPLETED", code=0)
    other = until(lambda: t.alice.done("GET", f"/job/{job.id + 1}")["jobs"], lambda jobs: jobs[0]["job_state"] == ["COMPLETED"],
                  "the other part to end")
    same(number(other[0]["het_job_offset"]), 1, "its place")
    told = dict(line.split("=", 1) for line in t.read("env").split("\0") if "=" in line)
    same((told["SLURM_HET_SIZE"], told["SLURM_JOB_ID"], told["SLURM_JOB_ID_HET_GROUP_1"]), ("2", str(job.id), str(job.id + 1)),
         "what the script is told")
    second = until(lambda: t.alice.done("GET", f"/job/{job.id + 1}", base="/slurmdb/v0.0.44")["jobs"],
                   lambda jobs: any(each["state"]["current"] == ["COMPLETED"] for each in jobs), "the other part in accounting")
    same([(each["het"]["job_id"], number(each["het"]["job_offset"])) for each in second if each["job_id"] == job.id + 1],
         [(job.id, 1)], "how accounting tells of it")


@trial()
def cancelled(t):
    """Cancelling the first cancels all, running or waiting."""
    runs = t.submit_parts("sleep 600", {}, {})
    until(lambda: parts(runs), lambda found: all("RUNNING" in part["job_state"] for part in found), "all parts to run")
    waits = t.submit_parts("true", {"hold": True}, {"hold": True})
    for job in (runs, waits):
        job.cancel()
        until(lambda: [part["job_state"] for part in parts(job)], lambda states: states == [["CANCELLED"]] * 2,
              "both to be cancelled")


@trial()
def whole_or_nothing(t):
    """None of the parts begins while one of them cannot."""
    job = t.submit_parts("true", {}, {"partition": "idle"})
    until(lambda: parts(job), lambda found: any(part["state_reason"] == "PartitionDown" for part in found), "one to wait")
    same([part["job_state"] for part in parts(job)], [["PENDING"]] * 2, "states")
    job.cancel()
