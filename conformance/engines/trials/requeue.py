"""Jobs that go back into the queue because somebody said so."""

from place import check, in_order, number, same, until, until_there
from stage import trial

COUNTS = f"echo ${{SLURM_RESTART_COUNT:-0}} >>log; {until_there('go')}; exit 5"


def begun(t, times):
    return until(lambda: t.exists("log") and t.lines("log"), lambda lines: lines == [str(time) for time in range(times)],
                 f"it to run {times} times")


@trial()
def running(t):
    """A job that runs begins anew, knows how often, and accounting has both runs."""
    job = t.submit(COUNTS)
    begun(t, 1)
    answer = t.requeue(job)
    same(answer.status, 200, "status")
    begun(t, 2)
    until(job.now, lambda record: record["restart_cnt"] == 1, "that to be told")
    t.write("go")
    record = job.until_over()
    same((record["job_state"], number(record["exit_code"]["return_code"])), (["FAILED"], 5), "its end")
    records = until(job.recorded, lambda records: len(records) == 2 and all(one["time"]["end"] for one in records),
                    "both runs in accounting")
    same([one["state"]["current"] for one in in_order(records)], [["PENDING", "REQUEUED"], ["FAILED"]], "states in accounting")


@trial()
def held(t):
    """One that is put back and held waits until it is released."""
    job = t.submit(COUNTS)
    begun(t, 1)
    same(t.requeue(job, Hold="true").status, 200, "status")
    record = until(job.now, lambda record: (record["job_state"], record["restart_cnt"]) == (["PENDING"], 1), "it to be put back")
    same((record["state_reason"], number(record["priority"])), ("JobHeldUser", 0), "reason and priority")
    job.update(hold=False)
    begun(t, 2)
    t.write("go")
    same(job.until_over()["job_state"], ["FAILED"], "its end")


@trial()
def over(t):
    """A job that is over can run once more."""
    job = t.submit("echo ${SLURM_RESTART_COUNT:-0} >>log")
    job.ended("COMPLETED", code=0)
    same(t.requeue(job).status, 200, "status")
    begun(t, 2)
    same(job.until_over()["job_state"], ["COMPLETED"], "its end")


@trial()
def refused(t):
    """Jobs that must not run twice, that wait, and those of others are not put back."""
    job = t.submit("sleep 600", requeue=False)
    job.until("RUNNING")
    answer = t.requeue(job)
    check(answer.json["errors"], "one that must not run twice:", answer)
    check(t.requeue(job, by=t.bob).json["errors"], "one of somebody else")
    same(job.now()["job_state"], ["RUNNING"], "state")
    waits = t.submit(hold=True)
    check(t.requeue(waits).json["errors"], "one that waits")
    same((job.now()["restart_cnt"], waits.now()["restart_cnt"]), (0, 0), "how often")
