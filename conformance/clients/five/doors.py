"""The five doors of one service, as small clients: what a job is called there, how it is made, found, read and cancelled."""

import itertools
import json
import re
import subprocess
import time
import urllib.error
import urllib.request
import uuid

SCRIPT = "#!/bin/sh\nexec sleep 600\n"


def ask(method, url, headers, body=None):
    """Returns status and text."""
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
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

    def __init__(self, url, token):
        self.url, self.headers = url, {"X-SLURM-USER-TOKEN": token, "Content-Type": "application/json"}

    def ask(self, method, path, body=None):
        return ask(method, f"{self.url}/slurm/v0.0.44/{path}", self.headers, body and json.dumps(body).encode())

    def make(self, script=SCRIPT):
        job = {"current_working_directory": "/tmp", "environment": ["A=B"], "standard_output": "/dev/null"}
        return wanted(self.ask("POST", "job/submit", {"script": script, "job": job}), 200)["job_id"]

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
        url = f"{self.url}/slurmdb/v0.0.44/jobs/?cluster={cluster}"
        jobs = wanted(ask("GET", url, self.headers), 200)["jobs"]
        return next((job["state"]["current"][0] for job in jobs if job["job_id"] == number), None)


class Waldur:
    """Names jobs by 32 digits, and tells their numbers; cancelling a job deletes it from its list."""

    states = {"running": "RUNNING", "cancelled": "CANCELLED"}

    def __init__(self, url, token):
        self.url, self.headers, self.deleted = url, {"Authorization": f"Token {token}"}, set()

    def ask(self, method, path, body=None, kind=None):
        return ask(method, f"{self.url}/api/{path}", {**self.headers, **({"Content-Type": kind} if kind else {})}, body)

    def make(self, script=SCRIPT):
        fields = {
            "name": "by waldur",
            "project": wanted(self.ask("GET", "projects/"), 200)[0]["url"],
            "service_settings": wanted(self.ask("GET", "service-settings/"), 200)[0]["url"],
        }
        parts = [f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()]
        file = 'name="file"; filename="job.sh"\r\nContent-Type: text/plain'
        parts.append(f"--b\r\nContent-Disposition: form-data; {file}\r\n\r\n{script}\r\n--b--\r\n")
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

    def __init__(self, url, keys, folder):
        """`keys` are "ACCESS_KEY SECRET_KEY"; the folder is the user's."""
        self.url, self.keys, self.folder = url, keys.replace(" ", ":"), folder

    def ask(self, method, path, body=None):
        command = ["curl", "-sS", "-X", method, "--aws-sigv4", "aws:amz:jp-east-1:hpc-api", "-w", "\n%{http_code}"]
        command += ["--user", self.keys]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "--data", json.dumps(body)]
        output = subprocess.run([*command, self.url + path], check=True, capture_output=True, text=True).stdout
        text, status = output.rsplit("\n", 1)
        return int(status), text

    def make(self, script=SCRIPT):
        (self.folder / "job.sh").write_text(script)
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

    def __init__(self, url, key):
        self.url, self.headers, self.tools = url, {"Authorization": key}, itertools.count(1)

    def ask(self, method, path, body=None):
        return ask(method, self.url + path, self.headers, None if body is None else json.dumps(body).encode())

    def make(self, script=SCRIPT):
        tool = wanted(self.ask("POST", "/tools", {"name": f"sleeper {next(self.tools)}", "description": "", "script": script}), 200)
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

    def __init__(self, url, token, user):
        self.url, self.user = url, user
        self.headers = {"X-Auth-Token": token, "Content-Type": "application/json"}

    def ask(self, method, path, body=None):
        return ask(method, f"{self.url}/api/{path}", self.headers, body and json.dumps(body).encode())

    def states(self):
        listed = wanted(self.ask("GET", "jobs/?items-per-page=1000"), 200)["jobs"]
        return {(job["cluster"], job["jobId"]): job["jobState"] for job in listed}

    def stop(self, cluster, number):
        now = int(time.time())
        return self.ask("POST", "jobs/stop_job/", {"cluster": cluster, "jobId": number, "jobState": "completed", "stopTime": now})

    def register(self, cluster, number):
        job = {
            "jobId": number,
            "user": self.user,
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
