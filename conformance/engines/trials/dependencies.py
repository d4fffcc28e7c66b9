"""Jobs that wait for others: every relation, met and never met."""

from place import check, same, until, until_there
from stage import trial


def waits(job):
    return job.until("PENDING", "Dependency")


@trial()
def after(t):
    """`after` waits for the start, not for the end."""
    first = t.submit(until_there("go"), hold=True)
    second = t.submit("true", dependency=f"after:{first.id}")
    waits(second)
    first.update(hold=False)
    second.ended("COMPLETED", code=0)
    same(first.now()["job_state"], ["RUNNING"], "state of the first")
    t.write("go")
    first.ended("COMPLETED", code=0)


@trial()
def ended_well(t):
    """`afterok` and `afterany` follow a job that ended well, `afternotok` never does."""
    first = t.submit(until_there("go"))
    jobs = {kind: t.submit("true", dependency=f"{kind}:{first.id}") for kind in ("afterok", "afterany", "afternotok")}
    for job in jobs.values():
        waits(job)
    t.write("go")
    jobs["afterok"].ended("COMPLETED", code=0)
    jobs["afterany"].ended("COMPLETED", code=0)
    record = jobs["afternotok"].until("PENDING", "DependencyNeverSatisfied")
    same(record["dependency"], f"afternotok:{first.id}(failed)", "dependency as told")


@trial()
def ended_badly(t):
    """`afternotok` and `afterany` follow a job that failed, `afterok` never does."""
    first = t.submit(f"{until_there('go')}; exit 1")
    jobs = {kind: t.submit("true", dependency=f"{kind}:{first.id}") for kind in ("afterok", "afterany", "afternotok")}
    for job in jobs.values():
        same(waits(job)["dependency"].split("(")[1], "unfulfilled)", "dependency as told")
    t.write("go")
    jobs["afternotok"].ended("COMPLETED", code=0)
    jobs["afterany"].ended("COMPLETED", code=0)
    jobs["afterok"].until("PENDING", "DependencyNeverSatisfied")


@trial()
def cancelled(t):
    """A job that was cancelled has not ended well."""
    first = t.submit(hold=True)
    good, bad = (t.submit("true", dependency=f"{kind}:{first.id}") for kind in ("afterok", "afternotok"))
    first.cancel()
    bad.ended("COMPLETED", code=0)
    good.until("PENDING", "DependencyNeverSatisfied")


@trial()
def never_met_ends(t):
    """With KILL_INVALID_DEPENDENCY a job ends whose dependency can never be met."""
    first = t.submit(f"{until_there('go')}; exit 1")
    job = t.submit("true", dependency=f"afterok:{first.id}", flags=["KILL_INVALID_DEPENDENCY"])
    t.write("go")
    record, _ = job.ended("CANCELLED")
    same(record["state_reason"], "DependencyNeverSatisfied", "reason")


@trial()
def all_of_several(t):
    """With commas all must be met."""
    one, two = t.submit("true"), t.submit(until_there("go"))
    job = t.submit("true", dependency=f"afterok:{one.id},afterany:{two.id}")
    one.ended("COMPLETED", code=0)
    record = until(job.now, lambda record: f":{one.id}" not in record["dependency"], "one of them to be met")
    same((record["job_state"], record["state_reason"]), (["PENDING"], "Dependency"), "it waits for the other")
    t.write("go")
    job.ended("COMPLETED", code=0)


@trial()
def same_relation(t):
    """A relation can have several jobs, and needs all of them."""
    one, two = t.submit("true"), t.submit(until_there("go"))
    job = t.submit("true", dependency=f"afterok:{one.id}:{two.id}")
    one.ended("COMPLETED", code=0)
    waits(job)
    t.write("go")
    job.ended("COMPLETED", code=0)


@trial()
def any_of_several(t):
    """With question marks one is enough."""
    fails, runs = t.submit("exit 1"), t.submit(until_there("go"))
    job = t.submit("true", dependency=f"afterok:{runs.id}?afternotok:{fails.id}")
    job.ended("COMPLETED", code=0)
    same(runs.now()["job_state"], ["RUNNING"], "state of the other")
    t.write("go")


@trial()
def already_over(t):
    """What is over already counts."""
    good, bad = t.submit("true"), t.submit("exit 1")
    good.ended("COMPLETED", code=0)
    bad.ended("FAILED", code=1)
    t.submit("true", dependency=f"afterok:{good.id},afternotok:{bad.id},after:{bad.id}").ended("COMPLETED", code=0)


@trial()
def corresponding(t):
    """With `aftercorr` each element waits for the one with its number."""
    first = t.submit(f"{until_there('go')}; exit $SLURM_ARRAY_TASK_ID", array="0-1")
    second = t.submit("true", array="0-1", dependency=f"aftercorr:{first.id}")
    waits(second)
    t.write("go")
    second.accounted("COMPLETED", name=f"{second.id}_0")
    left = until(second.records, lambda records: any(record["state_reason"] == "DependencyNeverSatisfied" for record in records),
                 "the other one to wait for ever")
    check(all("PENDING" in record["job_state"] for record in left if record["state_reason"] == "DependencyNeverSatisfied"), left)


@trial()
def whole_array(t):
    """A dependency on an array is one on all of its elements; `array_n` is one of them."""
    first = t.submit("[ $SLURM_ARRAY_TASK_ID = 0 ] || until [ -e go ]; do sleep 0.2; done", array="0-1")
    whole = t.submit("true", dependency=f"afterok:{first.id}")
    one = t.submit("true", dependency=f"afterok:{first.id}_0")
    one.ended("COMPLETED", code=0)
    waits(whole)
    t.write("go")
    whole.ended("COMPLETED", code=0)


@trial()
def singleton(t):
    """With `singleton` jobs of one name and user come one after the other."""
    first = t.submit(until_there("go"), name="single")
    first.until("RUNNING")
    second = t.submit("true", name="single", dependency="singleton")
    other = t.submit("true", name="double", dependency="singleton")
    his = t.submit("true", by=t.bob, name="single", dependency="singleton")
    other.ended("COMPLETED", code=0)
    his.ended("COMPLETED", code=0)
    waits(second)
    t.write("go")
    second.ended("COMPLETED", code=0)


@trial()
def changed(t):
    """A dependency can be changed and taken away while a job waits."""
    first = t.submit(hold=True)
    job = t.submit("true", dependency=f"afterok:{first.id}")
    waits(job)
    job.update(dependency=f"afterany:{first.id}")
    until(job.now, lambda record: record["dependency"] == f"afterany:{first.id}(unfulfilled)", "the other dependency")
    job.update(dependency="")
    until(job.now, lambda record: record["dependency"] == "", "no dependency")
    job.ended("COMPLETED", code=0)


@trial()
def refused(t):
    """What is no dependency, or on no job, is refused."""
    for text in ("afterok:59999999", "afterwards:1", "afterok", "afterok:x"):
        t.refuse(2038, dependency=text)
    job = t.submit(hold=True)
    t.refuse(2036, dependency=f"expand:{job.id}")
    t.alice.refused(2038, "POST", f"/job/{job.id}", {"dependency": f"afterok:{job.id}"})
