"""One job, five doors: what is made through one API is listed, read and cancelled through each of the others.

Jobs are made by Slurm's, Waldur's, Nifcloud's and ET Engine's API and cancelled by each of the other three. ClusterCockpit's
shows all of them running, and then over; it has nothing to make or cancel a job of ours with, and refuses to end one. What
is registered there is another cluster's job: Slurm's history lists it, and the others, who only know ours, refuse it.

QUINTET_URL is the service, QUINTET_USER who asks, QUINTET_FOLDER that user's folder for Nifcloud; QUINTET_SLURM, _WALDUR,
_NIFCLOUD ("ACCESS_KEY SECRET_KEY"), _ET_ENGINE and _COCKPIT are credentials. QUINTET_CLUSTER is set where the service is in
front of a real Slurm: its history knows its own jobs only.
"""

import itertools
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ["QUINTET_URL"]
USER = os.environ["QUINTET_USER"]
CLUSTER = os.environ.get("QUINTET_CLUSTER")
FOLDER = pathlib.Path(os.environ["QUINTET_FOLDER"])
SCRIPT = "#!/bin/sh\nexec sleep 600\n"


def ask(method, path, headers, body=None):
    """Returns status and text."""
    request = urllib.request.Request(URL + path, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def wanted(answer, *statuses):
    status, text = answer
    assert status in statuses, (status, text)
    return json.loads(text) if text.strip()[:1] in ("{", "[") else text


def leading(job_id):
    """The job's number in what names it, or one of its tasks."""
    return int(re.match(r"\d+", str(job_id)).group())


class Slurm:
    """Names jobs by number."""

    states = {"running": "RUNNING", "cancelled": "CANCELLED"}
    headers = {"X-SLURM-USER-TOKEN": os.environ["QUINTET_SLURM"], "Content-Type": "application/json"}

    def ask(self, method, path, body=None):
        return ask(method, f"/slurm/v0.0.44/{path}", self.headers, body and json.dumps(body).encode())

    def make(self):
        job = {"current_working_directory": "/tmp", "environment": ["A=B"], "standard_output": "/dev/null"}
        return wanted(self.ask("POST", "job/submit", {"script": SCRIPT, "job": job}), 200)["job_id"]

    def ids(self):
        return [job["job_id"] for job in wanted(self.ask("GET", "jobs/"), 200)["jobs"]]

    def number(self, job_id):
        return job_id

    def state(self, job_id):
        return wanted(self.ask("GET", f"job/{job_id}"), 200)["jobs"][0]["job_state"][0]

    def cancel(self, job_id):
        wanted(self.ask("DELETE", f"job/{job_id}"), 200)

    def refused(self, number):
        """Does not cancel what is none of ours: answers as the original does for a number that nobody has, with a 200."""
        status, text = self.ask("DELETE", f"job/{number}")
        return status, json.loads(text)["errors"]

    def history(self, cluster, number):
        path = f"/slurmdb/v0.0.44/jobs/?cluster={cluster}"
        jobs = wanted(ask("GET", path, self.headers), 200)["jobs"]
        return next((job["state"]["current"][0] for job in jobs if job["job_id"] == number), None)


class Waldur:
    """Names jobs by 32 digits, and tells their numbers; cancelling a job deletes it from its list."""

    states = {"running": "RUNNING", "cancelled": "CANCELLED"}
    deleted = set()
    headers = {"Authorization": f"Token {os.environ['QUINTET_WALDUR']}"}

    def ask(self, method, path, body=None, kind=None):
        return ask(method, f"/api/{path}", {**self.headers, **({"Content-Type": kind} if kind else {})}, body)

    def make(self):
        fields = {
            "name": "by waldur",
            "project": wanted(self.ask("GET", "projects/"), 200)[0]["url"],
            "service_settings": wanted(self.ask("GET", "service-settings/"), 200)[0]["url"],
        }
        parts = [f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()]
        file = 'name="file"; filename="job.sh"\r\nContent-Type: text/plain'
        parts.append(f"--b\r\nContent-Disposition: form-data; {file}\r\n\r\n{SCRIPT}\r\n--b--\r\n")
        made = self.ask("POST", "slurm-jobs/", "".join(parts).encode(), "multipart/form-data; boundary=b")
        return wanted(made, 201)["uuid"]

    def listed(self):
        return wanted(self.ask("GET", "slurm-jobs/?page_size=300"), 200)

    def ids(self):
        return [job["uuid"] for job in self.listed()]

    def number(self, job_id):
        return leading(wanted(self.ask("GET", f"slurm-jobs/{job_id}/"), 200)["backend_id"])

    def state(self, job_id):
        status, text = self.ask("GET", f"slurm-jobs/{job_id}/")
        return "deleted" if status == 404 and job_id in self.deleted else wanted((status, text), 200)["runtime_state"]

    def cancel(self, job_id):
        wanted(self.ask("DELETE", f"slurm-jobs/{job_id}/"), 204)
        self.deleted.add(job_id)

    def refused(self, number):
        status, text = self.ask("DELETE", f"slurm-jobs/{number:032x}/")
        return status, json.loads(text)["detail"]


class Nifcloud:
    """Names jobs by number, and tasks of a bulk job by the job's number and theirs."""

    states = {"running": "RUN", "cancelled": "CCL"}

    def ask(self, method, path, body=None):
        command = ["curl", "-sS", "-X", method, "--aws-sigv4", "aws:amz:jp-east-1:hpc-api", "-w", "\n%{http_code}"]
        command += ["--user", os.environ["QUINTET_NIFCLOUD"].replace(" ", ":")]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "--data", json.dumps(body)]
        output = subprocess.run([*command, URL + path], check=True, capture_output=True, text=True).stdout
        text, status = output.rsplit("\n", 1)
        return int(status), text

    def make(self):
        (FOLDER / "job.sh").write_text(SCRIPT)
        return wanted(self.ask("POST", "/jobs", {"jobfile": "job.sh"}), 201)["job_id"]

    def ids(self):
        return [job["job_id"] for job in wanted(self.ask("GET", "/jobs"), 200)]

    def number(self, job_id):
        return leading(job_id)

    def state(self, job_id):
        found = wanted(self.ask("GET", f"/jobs/{job_id}"), 200)
        return (found[0] if isinstance(found, list) else found)["status"]

    def cancel(self, job_id):
        wanted(self.ask("DELETE", f"/jobs/{job_id}"), 204)

    def refused(self, number):
        status, text = self.ask("DELETE", f"/jobs/{number}")
        return status, json.loads(text)


class EtEngine:
    """Names batches by UUID; a job of another door is a batch of one."""

    states = {"running": "RUNNING", "cancelled": "FAILED"}
    headers = {"Authorization": os.environ["QUINTET_ET_ENGINE"]}
    tools = itertools.count(1)

    def ask(self, method, path, body=None):
        return ask(method, path, self.headers, None if body is None else json.dumps(body).encode())

    def make(self):
        tool = wanted(self.ask("POST", "/tools", {"name": f"sleeper {next(self.tools)}", "description": "", "script": SCRIPT}), 200)
        hardware = {"filesystems": [], "cpu": 1, "memory": 64}
        batch = {"hardware": hardware, "fixed_args": {}, "variable_args": []}
        return wanted(self.ask("POST", f"/tools/{tool}", batch), 200)

    def ids(self):
        return [batch["batch_id"] for batch in wanted(self.ask("GET", "/batches"), 200)]

    def state(self, job_id):
        counts = wanted(self.ask("GET", f"/batches/{job_id}"), 200)[0]["submitted_jobs"]
        return next(state for state, count in counts.items() if count)

    def cancel(self, job_id):
        wanted(self.ask("POST", f"/batches/{job_id}/cancel", {}), 200)

    def refused(self, number):
        return self.ask("POST", f"/batches/{uuid.UUID(int=number)}/cancel", {})


class Cockpit:
    """Looks on, and keeps the jobs of other clusters."""

    headers = {"X-Auth-Token": os.environ["QUINTET_COCKPIT"], "Content-Type": "application/json"}

    def ask(self, method, path, body=None):
        return ask(method, f"/api/{path}", self.headers, body and json.dumps(body).encode())

    def states(self):
        listed = wanted(self.ask("GET", "jobs/?items-per-page=1000"), 200)["jobs"]
        return {(job["cluster"], job["jobId"]): job["jobState"] for job in listed}

    def stop(self, cluster, number):
        now = int(time.time())
        return self.ask("POST", "jobs/stop_job/", {"cluster": cluster, "jobId": number, "jobState": "completed", "stopTime": now})

    def register(self, cluster, number):
        job = {
            "jobId": number,
            "user": USER,
            "project": "elsewhere",
            "cluster": cluster,
            "subCluster": "main",
            "partition": "main",
            "numNodes": 1,
            "numHwthreads": 4,
            "exclusive": 1,
            "smt": 1,
            "walltime": 3600,
            "jobState": "running",
            "startTime": int(time.time()) - 60,
            "resources": [{"hostname": "n1"}],
        }
        wanted(self.ask("POST", "jobs/start_job/", job), 201)


def until(what, look, patience=60):
    deadline = time.monotonic() + patience
    while not (seen := look()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return seen


def carried_out_by_others(doors, slurm, cockpit):
    """Twelve pairs: who makes a job, and who finds, reads and cancels it."""
    for (maker_name, maker), (other_name, other) in itertools.permutations(doors.items(), 2):
        pair = f"{maker_name} -> {other_name}"
        before, numbers = set(other.ids()), set(slurm.ids())
        made = maker.make()
        number = (set(slurm.ids()) - numbers).pop()
        until(f"{pair}: it runs", lambda: maker.state(made) == maker.states["running"])
        # The other knows exactly one more, and it is this one. Nifcloud lists the only task of a batch of one as well.
        there, *task = sorted(set(other.ids()) - before)
        assert task in ([], [f"{there}[0]"]), (pair, there, task)
        if hasattr(other, "number"):
            assert other.number(there) == number, (pair, there)
        until(f"{pair}: it runs there", lambda: other.state(there) == other.states["running"])
        other.cancel(there)
        until(f"{pair}: it is over", lambda: slurm.state(number) == "CANCELLED")
        for who, name in ((maker, made), (other, there)):
            until(f"{pair}: it is over for {type(who).__name__}", lambda: who.state(name) in (who.states["cancelled"], "deleted"))
        yield pair


def looked_on(doors, slurm, cockpit):
    """Four pairs: ClusterCockpit's list shows a job of ours, and its end, and cannot end it."""
    for name, maker in doors.items():
        pair = f"{name} -> clustercockpit"
        numbers = set(slurm.ids())
        made = maker.make()
        number = (set(slurm.ids()) - numbers).pop()
        (ours,) = {cluster for cluster, _ in until(f"{pair}: seen", lambda: [key for key in cockpit.states() if key[1] == number])}
        until(f"{pair}: it runs", lambda: cockpit.states()[ours, number] == "running")
        status, text = cockpit.stop(ours, number)
        assert 400 <= status < 500 and json.loads(text)["error"], (pair, status, text)
        assert slurm.state(number) == "RUNNING", pair
        maker.cancel(made)
        until(f"{pair}: it is over", lambda: cockpit.states()[ours, number] == "cancelled")
        yield pair


def registered(doors, slurm, cockpit):
    """Four pairs: what is registered at ClusterCockpit's door is nobody's here to cancel."""
    for place, (name, other) in enumerate(doors.items()):
        pair = f"clustercockpit -> {name}"
        number = 900_000 + place
        before = set(other.ids())
        refusal = other.refused(number)
        cockpit.register("elsewhere", number)
        assert cockpit.states()["elsewhere", number] == "running", pair
        assert set(other.ids()) == before, pair
        assert other.refused(number) == refusal, (pair, refusal)
        assert refusal[0] == 404 or other is slurm, (pair, refusal)
        if not CLUSTER:
            assert slurm.history("elsewhere", number) == "RUNNING", (pair, slurm.history("elsewhere", number))
        wanted(cockpit.stop("elsewhere", number), 200)
        assert cockpit.states()["elsewhere", number] == "completed", pair
        assert CLUSTER or slurm.history("elsewhere", number) == "COMPLETED", pair
        yield pair


def main():
    slurm, cockpit = Slurm(), Cockpit()
    doors = {"slurm": slurm, "waldur": Waldur(), "nifcloud": Nifcloud(), "et-engine": EtEngine()}
    pairs = [pair for part in (carried_out_by_others, looked_on, registered) for pair in part(doors, slurm, cockpit)]
    assert len(set(pairs)) == 20, pairs
    print(f"five doors: {len(pairs)} pairs")


main()
