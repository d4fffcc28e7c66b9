"""What a trial has in hand: people who ask the service, jobs as they see them, and a folder that jobs see, too."""

import json
import os
import time
import urllib.parse

from front import ACCOUNTING, API, Answer, Door

NEWER = "/slurm/v0.0.45"
# The longest that anything is waited for. What takes this long does not come.
PATIENCE = 150

FINAL = {
    "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "DEADLINE", "PREEMPTED", "BOOT_FAIL",
}


class Wrong(AssertionError):
    """Something is not as Slurm documents it."""


# What accounting says of a moment that never came.
NEVER = (0, 4294967294)


class LeftOut(Exception):
    """What is tried is not there on this machine."""


def check(is_so, *what):
    if not is_so:
        raise Wrong(" ".join(str(word) for word in what))


def same(found, wanted, what):
    check(found == wanted, f"{what} is {found!r} and should be {wanted!r}")


def number(value):
    """What a number with its marks says; None where there is none, infinity as such."""
    if not isinstance(value, dict):
        return value
    if value["infinite"]:
        return float("inf")
    return value["number"] if value["set"] else None


def until(ask, wanted, what, seconds=PATIENCE):
    """Asks until the answer is as wanted and returns it; says what was seen last where it never is."""
    end, pause = time.monotonic() + seconds, 0.05
    while True:
        found = ask()
        if wanted(found):
            return found
        if time.monotonic() > end:
            raise Wrong(f"waited {seconds} s for {what}; last seen: {str(found)[:1500]}")
        time.sleep(pause)
        pause = min(pause * 1.3, 0.5)


class Told(Answer):
    """An answer that tells shortly what is in it."""

    def __init__(self, answer):
        super().__init__(answer.status, answer.headers, answer.body, answer.took)

    def numbers(self):
        return [error["error_number"] for error in self.json["errors"]]

    def __repr__(self):
        try:
            document = self.json
            errors = [(error["error_number"], error["description"]) for error in document["errors"]]
            rest = {name: value for name, value in document.items() if name not in ("meta", "errors", "warnings")}
            return f"{self.status} {errors} {str(rest)[:300]}"
        except (ValueError, KeyError, TypeError):
            return super().__repr__()


class Person:
    """Somebody with credentials of his own."""

    def __init__(self, address, name, token):
        self.name, self.door = name, Door(address, name, token, patience=60)

    def ask(self, method, path, body=None, query=None, headers=(), base=API):
        """Asks once, and returns the answer whatever it is."""
        if query:
            path += "?" + urllib.parse.urlencode(query)
        return Told(self.door.ask(method, base + path, body, headers))

    def done(self, method, path, body=None, query=None, headers=(), base=API):
        """Asks for what must succeed without an error, and returns the document."""
        answer = self.ask(method, path, body, query, headers, base)
        check(answer.status == 200, f"{method} {path} as {self.name}, {json.dumps(body)[:600]}:", answer)
        document = answer.json
        check(not [error for error in document["errors"] if error["error_number"]], f"{method} {path}:", document["errors"])
        return document

    def refused(self, error, method, path, body=None, query=None, status=422, base=API):
        """Asks for what must be refused with this number and status."""
        answer = self.ask(method, path, body, query, base=base)
        check(answer.status == status and error in answer.numbers(),
              f"{method} {path} {json.dumps(body)[:300]}: wanted {status} with {error}, got {answer}")
        return answer.json


class Job:
    """A job as the one who submitted it sees it."""

    def __init__(self, trial, person, job_id):
        self.trial, self.person, self.id = trial, person, job_id

    def __repr__(self):
        return f"job {self.id}"

    def records(self):
        """All records of this number: several of an array or a heterogeneous job."""
        return self.person.done("GET", f"/job/{self.id}")["jobs"]

    def now(self):
        """The record of this number, as it is now."""
        [record] = [record for record in self.records() if record["job_id"] == self.id]
        return record

    def until(self, state, reason=None, record=None):
        """Waits for a state, and a reason if one is named; returns the record."""
        def is_so(job):
            return state in job["job_state"] and (reason is None or job["state_reason"] == reason)
        return until(record or self.now, is_so, f"{self} to be {state} {reason or ''}")

    def until_over(self):
        return until(self.now, lambda job: is_over(job["job_state"]), f"the end of {self}")

    def task(self, index):
        """The record of one element of an array; None where it has none of its own."""
        found = [record for record in self.records() if number(record["array_task_id"]) == index]
        return found[0] if found else None

    def until_task(self, index, wanted, what):
        return until(lambda: self.task(index), lambda task: task is not None and wanted(task), f"task {index} of {self} {what}")

    def update(self, by=None, **fields):
        return (by or self.person).done("POST", f"/job/{self.id}", fields)

    def signal(self, name=None, by=None, task=None, flags=None):
        """Sends a signal, or cancels; returns what of it has failed."""
        query = {key: value for key, value in (("signal", name), ("flags", flags)) if value}
        which = self.id if task is None else urllib.parse.quote(f"{self.id}_{task}")
        return (by or self.person).done("DELETE", f"/job/{which}", query=query)["status"]

    def cancel(self, by=None, task=None):
        failed = [each for each in self.signal(by=by, task=task) if each["error"]["code"]]
        check(not failed, f"{self} cannot be cancelled:", failed)

    def recorded(self, name=None):
        """What accounting has under this number, or under a task's."""
        return self.person.done("GET", f"/job/{name or self.id}", base=ACCOUNTING)["jobs"]

    def accounted(self, state, name=None, count=1):
        """Waits until accounting has the end of the job and returns its last record; there are as many as given."""
        def is_told(records):
            return len(records) == count and records[-1]["state"]["current"] == [state] and records[-1]["time"]["end"] > 0

        def told():
            # The first of several components brings the others along.
            return in_order(record for record in self.recorded(name) if name or record["job_id"] == self.id)

        return until(told, is_told, f"accounting of {name or self} to tell of {state}")[-1]

    def ended(self, state, code=None, signal=None, reason=None):
        """Waits for the end, and checks that controller and accounting tell the same of it. Returns both records."""
        job = self.until_over()
        same(job["job_state"], [state], f"state of {self}")
        if reason:
            same(job["state_reason"], reason, f"reason of {self}")
        record = self.accounted(state)
        for told, where in ((job, "the controller"), (record, "accounting")):
            if code is not None:
                same(number(told["exit_code"]["return_code"]), code, f"exit code of {self} in {where}")
                same(told["exit_code"]["status"], ["ERROR" if code else "SUCCESS"], f"kind of exit of {self} in {where}")
            if signal is not None:
                same(number(told["exit_code"]["signal"]["id"]), signal, f"signal of {self} in {where}")
        times_make_sense(job, record)
        return job, record


def in_order(records):
    """Records of one number, as they were submitted."""
    return sorted(records, key=lambda record: (record["time"]["submission"], record["restart_cnt"], record["time"]["start"]))


def is_over(states):
    return bool(FINAL & set(states)) and "COMPLETING" not in states


def times_make_sense(job, record):
    """What accounting says of times agrees with itself and with the controller."""
    told = record["time"]
    same(record["job_id"], job["job_id"], "number in accounting")
    same(told["submission"], number(job["submit_time"]), f"submission of job {job['job_id']} in accounting")
    check(told["end"] >= told["submission"] > 0, "it ends after it came:", told)
    if told["start"] not in NEVER:
        check(told["submission"] <= told["start"] <= told["end"], "it starts and then ends:", told)
        same(told["elapsed"] + told["suspended"], told["end"] - told["start"], f"time used by job {job['job_id']}")
        same(told["start"], number(job["start_time"]), f"start of job {job['job_id']} in accounting")
        same(told["end"], number(job["end_time"]), f"end of job {job['job_id']} in accounting")


class Trial:
    """What one trial has in hand while it is played."""

    def __init__(self, service, name, plot, differs):
        self.service, self.name, self.plot, self._differs = service, name, plot, differs
        self.alice, self.bob, self.operator = (Person(service.address, *who) for who in service.people)
        self.folder = os.path.join(service.folder, name)
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o777)
        self.jobs = []

    # --- the engine -------------------------------------------------------------------------------------------

    def differs(self, what):
        """Whether this engine is otherwise than Slurm here, by design; differences.py has the texts."""
        return self._differs(what)

    def needs(self, what):
        """Leaves the trial out where the machine does not let this service do something."""
        if what in self.service.lacks:
            raise LeftOut(what)

    @property
    def nodes(self):
        return self.plot.nodes

    # --- files ------------------------------------------------------------------------------------------------

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def lines(self, name):
        return self.read(name).splitlines()

    def exists(self, name):
        return os.path.exists(self.path(name))

    def write(self, name, text=""):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), 0o666)

    def until_file(self, name):
        until(lambda: self.exists(name), bool, f"the file {name}")

    # --- jobs -------------------------------------------------------------------------------------------------

    def described(self, more):
        """A job of this trial: short, in its own folder and on its own nodes, unless it is said otherwise."""
        given = {
            "name": self.name, "current_working_directory": self.folder, "environment": ["PATH=/usr/bin:/bin"],
            "time_limit": 10, "partition": self.plot.partition,
        }
        given.update(more)
        return {name: value for name, value in given.items() if value is not None}

    def submitted(self, script, by=None, **job):
        """Submits and returns the job and the whole answer."""
        person = by or self.alice
        document = person.done("POST", "/job/submit", {"script": with_shell(script), "job": self.described(job)})
        check(document.get("job_id"), "no number of a job:", document)
        made = Job(self, person, document["job_id"])
        self.jobs.append(made)
        return made, document

    def submit(self, script="true", by=None, **job):
        return self.submitted(script, by, **job)[0]

    def submit_parts(self, script, *parts):
        """Submits a heterogeneous job and returns its leader."""
        described = [self.described(part) for part in parts]
        document = self.alice.done("POST", "/job/submit", {"script": with_shell(script), "jobs": described})
        made = Job(self, self.alice, document["job_id"])
        self.jobs.append(made)
        return made

    def refuse(self, error, script="true", by=None, status=422, **job):
        """Submits what must be refused."""
        document = (by or self.alice).refused(
            error, "POST", "/job/submit", {"script": with_shell(script), "job": self.described(job)}, status=status)
        check(not document.get("job_id"), "a job was made all the same:", document)

    def requeue(self, job, by=None, task=None, **query):
        """Puts a job back into the queue, an operation that v0.0.45 has."""
        which = job.id if task is None else f"{job.id}_{task}"
        return (by or job.person).ask("GET", f"/job/{which}/requeue", query=query, base=NEWER)

    def node(self, name):
        """A node as the list of all has it: Slurm shows a single one as it was when they were last listed."""
        [node] = [node for node in self.operator.done("GET", "/nodes/")["nodes"] if node["name"] == name]
        return node

    def clear(self):
        """Ends all jobs of the trial and waits until they have left their nodes."""
        for job in self.jobs:
            self.operator.ask("DELETE", f"/job/{job.id}")
        for job in self.jobs:
            until(lambda: self.is_gone(job), bool, f"{job} to leave")

    def is_gone(self, job):
        answer = self.operator.ask("GET", f"/job/{job.id}")
        return answer.status == 404 or all(is_over(record["job_state"]) for record in answer.json["jobs"])


def with_shell(script):
    """A script for the shell, unless it names somebody itself or begins a line of its own to name nobody."""
    return script if script.startswith(("#!", "\n")) else f"#!/bin/sh\n{script}\n"


def until_there(name):
    """Shell: waits until a file is there."""
    return f"until [ -e {name} ]; do sleep 0.2; done"
