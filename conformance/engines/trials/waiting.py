"""Why jobs wait and in which order they come: holds, priority, begin, deadline, room that is kept."""

import time

from place import check, number, same, until, until_there
from stage import trial


@trial()
def held_by_owner(t):
    """A job that is held waits until it is released."""
    job, answer = t.submitted("true", hold=True)
    record = job.until("PENDING", "JobHeldUser")
    same((number(record["priority"]), record["hold"]), (0, True), "priority and hold")
    job.update(hold=False)
    job.ended("COMPLETED", code=0)


@trial()
def held_meanwhile(t):
    """A job that waits can be held, and by priority 0 as well."""
    job = t.submit("true", begin_time=int(time.time()) + 3600)
    for held, released in (({"hold": True}, {"hold": False}), ({"priority": 0}, {"hold": False})):
        job.update(**held)
        job.until("PENDING", "JobHeldUser")
        job.update(**released)
        check(number(job.now()["priority"]) > 0, "its priority is back")
    job.update(begin_time=int(time.time()) - 10)
    job.ended("COMPLETED", code=0)


@trial()
def held_by_operator(t):
    """What an administrator holds its owner cannot release."""
    job = t.submit("true", begin_time=int(time.time()) + 3600)
    job.update(by=t.operator, hold=True)
    job.until("PENDING", "JobHeldAdmin")
    t.alice.refused(2002, "POST", f"/job/{job.id}", {"hold": False})
    job.update(by=t.operator, hold=False, begin_time=int(time.time()) - 10)
    job.ended("COMPLETED", code=0)


@trial(nodes=1)
def order(t):
    """Who has more priority comes first: nice values and administrators say who."""
    first = t.submit(until_there("go"), shared=["none"])
    first.until("RUNNING")
    script = "echo $SLURM_JOB_NAME >>order"
    jobs = {name: t.submit(script, name=name, nice=nice, shared=["none"])
            for name, nice in (("third", 300), ("fourth", 600), ("second", 0))}
    jobs["first"] = t.submit(script, name="first", nice=900, shared=["none"])
    jobs["first"].update(by=t.operator, priority=100000)
    same(number(jobs["first"].now()["priority"]), 100000, "priority as an administrator said")
    ranks = [number(jobs[name].now()["priority"]) for name in ("second", "third", "fourth")]
    check(ranks == sorted(ranks, reverse=True) and len(set(ranks)) == 3, "nice values take away priority:", ranks)
    t.write("go")
    for job in jobs.values():
        job.ended("COMPLETED", code=0)
    same(t.lines("order"), ["first", "second", "third", "fourth"], "order of starts")


@trial(nodes=1)
def nicer(t):
    """Its owner can make a job nicer, and nobody's job less nice than it is but an administrator."""
    blocker = t.submit("sleep 600", shared=["none"])
    blocker.until("RUNNING")
    job = t.submit("true", nice=10)
    before = number(until(job.now, lambda record: number(record["priority"]), "a priority")["priority"])
    job.update(nice=60)
    check(number(job.now()["priority"]) <= before - 49, "its priority falls:", before, job.now()["priority"])
    t.refuse(2123, nice=-5)
    t.submit(by=t.operator, nice=-5, hold=True)
    blocker.cancel()
    job.ended("COMPLETED", code=0)


@trial()
def begin_time(t):
    """A job does not start before its time, and then does."""
    moment = int(time.time()) + 8
    job = t.submit("true", begin_time=moment)
    record = job.until("PENDING", "BeginTime")
    check(moment <= number(record["eligible_time"]) <= moment + 1, "when it may begin:", record["eligible_time"], moment)
    record, accounted = job.ended("COMPLETED", code=0)
    check(number(record["start_time"]) >= moment, "it starts then:", record["start_time"], moment)
    check(accounted["time"]["eligible"] >= moment, "eligible in accounting:", accounted["time"])


@trial(is_long=True)
def deadline(t):
    """A job that cannot end before its deadline any more is DEADLINE; one that never could is refused."""
    job = t.submit("true", time_limit=1, deadline=int(time.time()) + 75, partition="idle")
    job.until("PENDING", "PartitionDown")
    record = job.until_over()
    same(record["job_state"], ["DEADLINE"], "state")
    job.accounted("DEADLINE")
    t.refuse(2051, time_limit=10, deadline=int(time.time()) + 60)


@trial(nodes=3)
def backfill(t):
    """Short jobs go ahead of one that waits for all nodes, if they do not delay it; longer ones do not."""
    first = t.submit(until_there("go"), time_limit=30, required_nodes=[t.nodes[0]], shared=["none"])
    first.until("RUNNING")
    large = t.submit("echo large >>order", nodes="3", shared=["none"], time_limit=10)
    large.until("PENDING")
    longer = t.submit("echo longer >>order", time_limit=600, nice=50, required_nodes=[t.nodes[1]])
    short = t.submit("echo short >>order", time_limit=1, nice=100, required_nodes=[t.nodes[1]])
    short.ended("COMPLETED", code=0)
    same([job.now()["job_state"] for job in (large, longer)], [["PENDING"]] * 2, "states of the others")
    t.write("go")
    for job in (large, longer):
        job.ended("COMPLETED", code=0)
    same(t.lines("order"), ["short", "large", "longer"], "order of starts")


@trial()
def partition_down(t):
    """Jobs of a partition that is down wait, and run in another one."""
    job = t.submit("true", partition="idle")
    job.until("PENDING", "PartitionDown")
    job.update(partition="common")
    record, accounted = job.ended("COMPLETED", code=0)
    same((record["partition"], accounted["partition"]), ("common", "common"), "partition")


@trial()
def partitions(t):
    """Of several partitions a job takes the first that lets it run, and then is that one's."""
    record, accounted = t.submit("true", partition="idle,common").ended("COMPLETED", code=0)
    same((record["partition"], accounted["partition"]), ("common", "common"), "partition")
