"""Allocations without a script: `job/allocate`."""

import threading

from place import Job, check, number, same, until
from stage import trial


def allocate(t, **more):
    return t.alice.ask("POST", "/job/allocate", {"job": t.described(more)})


def made(t, answer):
    check(answer.status == 200 and answer.json["job_id"], "an allocation:", answer)
    job = Job(t, t.alice, answer.json["job_id"])
    t.jobs.append(job)
    return job


@trial(nodes=1)
def at_once(t):
    """What is free is given at once, and kept until it is given back."""
    job = made(t, allocate(t, tasks=2, cpus_per_task=2, nodes="1"))
    record = job.until("RUNNING")
    same((record["batch_flag"], number(record["cpus"])), (False, 4), "what it is")
    job.cancel()
    _, accounted = job.ended("CANCELLED")
    check(not any(step["step"]["name"] == "batch" for step in accounted["steps"]), "it has no script:", accounted["steps"])


@trial(nodes=1)
def later(t):
    """Whoever asks for what is not free waits for it."""
    t.needs("allocations that wait")
    blocker = t.submit("sleep 600", shared=["none"])
    blocker.until("RUNNING")
    answers = []
    asker = threading.Thread(target=lambda: answers.append(allocate(t)), daemon=True)
    asker.start()
    until(lambda: [job for job in t.alice.done("GET", "/jobs/")["jobs"] if job["name"] == t.name and not job["batch_flag"]],
          lambda jobs: [job["job_state"] for job in jobs] == [["PENDING"]], "the allocation to wait")
    check(not answers, "nobody has answered:", answers)
    blocker.cancel()
    asker.join(60)
    check(answers, "the answer comes")
    job = made(t, answers[0])
    job.until("RUNNING")
    job.cancel()
    job.ended("CANCELLED")


@trial()
def refused(t):
    """What can never be given is refused."""
    for error, fields in (
        (2014, {"tasks": 9, "nodes": "1"}), (2000, {"partition": "nowhere"}), (2053, {"reservation": "nowhere"}),
    ):
        t.alice.refused(error, "POST", "/job/allocate", {"job": t.described(fields)})
