"""Gives the same trace of jobs to two services at once and compares in which order and when they start them.

    compare.py [--tick SECONDS] TRACE...

reads from the environment where the services are: QUINTET_URL and QUINTET_KEY (the file of the key from which tokens
are made) for ours, SLURM_REST_URL and SLURM_KEY for the original. Exits with 1 where they differ by more than a trace
expects; README.md says what is compared.
"""

import argparse
import base64
import hashlib
import hmac
import itertools
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request

API = "/slurm/v0.0.44"
FINAL = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "DEADLINE", "OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED"}


class Line:
    """One line of a trace: when it is submitted, its name, and what it asks for."""

    def __init__(self, text):
        words = text.split()
        self.at, self.name = float(words[0]), words[1]
        pairs = (word.partition("=") for word in words[2:])
        self.wishes = {name: value or "yes" for name, _, value in pairs}
        self.seconds = int(self.wishes.pop("seconds", "1"))
        self.user = self.wishes.pop("user", "alice")


def read_trace(path):
    """The lines of a trace, and its settings (`# tick=3` and the like)."""
    lines, settings = [], {}
    with open(path, encoding="utf-8") as file:
        for text in map(str.strip, file):
            if text.startswith("#:"):
                settings.update(word.split("=", 1) for word in text[2:].split())
            elif text and not text.startswith("#"):
                lines.append(Line(text))
    names = [line.name for line in lines]
    assert len(names) == len(set(names)), f"{path}: a name twice"
    assert [line.at for line in lines] == sorted(line.at for line in lines), f"{path}: not in order of time"
    return lines, settings


def number(value):
    return {"set": True, "number": int(value)}


# What the words of a trace become in a submission.
WORDS = {
    "cpus": lambda job, value: job.update(tasks=1, cpus_per_task=int(value)),
    "tasks": lambda job, value: job.update(tasks=int(value)),
    "tasks-per-node": lambda job, value: job.update(tasks_per_node=int(value)),
    "nodes": lambda job, value: job.update(nodes=value),
    "minutes": lambda job, value: job.update(time_limit=number(value)),
    "least-minutes": lambda job, value: job.update(time_minimum=number(value)),
    "memory": lambda job, value: job.update(memory_per_node=number(value)),
    "memory-per-cpu": lambda job, value: job.update(memory_per_cpu=number(value)),
    "nice": lambda job, value: job.update(nice=int(value)),
    "partition": lambda job, value: job.update(partition=value),
    "exclusive": lambda job, value: job.update(shared=["user" if value == "user" else "none"]),
    "gpus": lambda job, value: job.update(tres_per_node=f"gres/gpu:{value}"),
    "gpus-per-job": lambda job, value: job.update(tres_per_job=f"gres/gpu:{value}"),
    "gpus-per-task": lambda job, value: job.update(tres_per_task=f"gres/gpu:{value}"),
    "licenses": lambda job, value: job.update(licenses=value),
    "array": lambda job, value: job.update(array=value),
    "features": lambda job, value: job.update(constraints=value),
    "require": lambda job, value: job.update(required_nodes=value.split("+")),
    "exclude": lambda job, value: job.update(excluded_nodes=value.split("+")),
    "contiguous": lambda job, value: job.update(contiguous=True),
    "hold": lambda job, value: job.update(hold=True),
    "requeue": lambda job, value: job.update(requeue=value == "yes"),
}


def submission(line, ids, began):
    """The body of the request that submits a line. Jobs it names are known by their numbers in `ids`."""
    job = {
        "name": line.name,
        "current_working_directory": "/tmp",
        "environment": ["PATH=/usr/bin:/bin"],
        "standard_output": "/dev/null",
        "standard_error": "/dev/null",
    }
    for word, value in line.wishes.items():
        if word == "after":
            # after=afterok:a+b,singleton  ->  afterok:17:18,singleton
            terms = (term.partition(":") for term in value.split(","))
            numbered = (kind + "".join(f":{ids[name]}" for name in names.split("+") if name) for kind, _, names in terms)
            job["dependency"] = ",".join(numbered)
        elif word == "begin":
            job["begin_time"] = number(began + float(value))
        elif word in ("cancel-at", "release-at"):
            pass
        else:
            WORDS[word](job, value)
    return {"script": f"#!/bin/sh\nexec sleep {line.seconds}\n", "job": job}


class Service:
    """A service that speaks Slurm's REST."""

    def __init__(self, name, url, key):
        self.name, self.url = name, url.rstrip("/")
        with open(key, "rb") as file:
            self.key = file.read()

    def token(self, user):
        now = int(time.time())
        parts = ({"alg": "HS256", "typ": "JWT"}, {"iat": now, "exp": now + 7200, "sun": user})
        text = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
        seal = hmac.new(self.key, text, hashlib.sha256).digest()
        return (text + b"." + base64.urlsafe_b64encode(seal).rstrip(b"=")).decode()

    def ask(self, method, path, body=None, user="root"):
        request = urllib.request.Request(self.url + API + path, method=method)
        request.add_header("X-SLURM-USER-NAME", user)
        request.add_header("X-SLURM-USER-TOKEN", self.token(user))
        data = None
        if body is not None:
            request.add_header("Content-Type", "application/json")
            data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{self.name}: {method} {path}: {error.code} {error.read().decode()[:600]}") from None


class Run:
    """A trace on one service: numbers of its jobs, and when each started, in seconds after the beginning."""

    def __init__(self, service, lines):
        self.service, self.lines = service, lines
        self.ids, self.began, self.error = {}, None, None
        self.starts, self.states, self.nodes, self.reasons = {}, {}, {}, {}

    def play(self):
        try:
            # All times are whole seconds, so both begin at the start of one.
            now = time.time()
            self.began = int(now) + 1
            time.sleep(self.began - now)
            self.submit()
            self.collect(time.time() + 60 + 6 * sum(line.seconds for line in self.lines))
        except Exception as error:  # noqa: BLE001  told by the main thread
            self.error = error
        finally:
            self.clear()

    def submit(self):
        acts = [(float(line.wishes["cancel-at"]), "cancel", line) for line in self.lines if "cancel-at" in line.wishes]
        acts += [(float(line.wishes["release-at"]), "release", line) for line in self.lines if "release-at" in line.wishes]
        acts += [(line.at, "submit", line) for line in self.lines]
        for at, act, line in sorted(acts, key=lambda entry: entry[0]):
            time.sleep(max(0, self.began + at - time.time()))
            if act == "submit":
                answer = self.service.ask("POST", "/job/submit", submission(line, self.ids, self.began), line.user)
                self.ids[line.name] = answer["job_id"]
            elif act == "cancel":
                self.service.ask("DELETE", f"/job/{self.ids[line.name]}", user=line.user)
            else:
                self.service.ask("POST", f"/job/{self.ids[line.name]}", {"hold": False}, line.user)

    def collect(self, until):
        names = {number: name for name, number in self.ids.items()}
        while True:
            open_jobs = 0
            for job in self.service.ask("GET", "/jobs/")["jobs"]:
                name = names.get(job["job_id"]) or names.get(job["array_job_id"]["number"])
                if name is None:
                    continue
                if job["array_task_id"]["set"]:
                    name = f"{name}[{job['array_task_id']['number']}]"
                state = job["job_state"]
                if not FINAL & set(state) or "COMPLETING" in state:
                    open_jobs += 1
                if state[0] != "PENDING" and job["start_time"]["number"] and job["nodes"]:
                    self.starts[name] = job["start_time"]["number"] - self.began
                    self.nodes[name] = job["nodes"]
                self.states[name] = "+".join(state)
                self.reasons[name] = job["state_reason"]
            if not open_jobs:
                return
            if time.time() > until:
                waiting = {name: (state, self.reasons[name]) for name, state in self.states.items() if state not in FINAL}
                raise RuntimeError(f"{self.service.name}: still open: {waiting}")
            time.sleep(1)

    def clear(self):
        for number_of_job in self.ids.values():
            try:
                self.service.ask("DELETE", f"/job/{number_of_job}")
            except RuntimeError:
                pass  # It is over already.


def swapped(ours, theirs, tick):
    """Pairs of jobs that one service starts clearly before, the other clearly after one another."""
    names = sorted(set(ours.starts) & set(theirs.starts))
    for one, other in itertools.combinations(names, 2):
        here, there = ours.starts[one] - ours.starts[other], theirs.starts[one] - theirs.starts[other]
        if abs(here) > tick and abs(there) > tick and (here < 0) != (there < 0):
            yield (one, other) if here < 0 else (other, one)


def compare(path, ours, theirs, tick, allowed):
    """Prints how two runs of a trace differ; returns whether that is within what is allowed."""
    late, names = [], sorted(set(ours.starts) | set(theirs.starts), key=lambda name: (theirs.starts.get(name, 1e9), name))
    for name in names:
        here, there = ours.starts.get(name), theirs.starts.get(name)
        if here is None or there is None or abs(here - there) > tick:
            late.append((name, here, there))
    pairs = list(swapped(ours, theirs, tick))
    states = [name for name in ours.states if name in theirs.states and ours.states[name] != theirs.states[name]]
    both = [name for name in names if name in ours.starts and name in theirs.starts]
    lags = sorted(abs(ours.starts[name] - theirs.starts[name]) for name in both) or [0]
    print(f"{os.path.basename(path)}: {len(names)} starts; within {tick:g} s: {len(names) - len(late)}; "
          f"swapped pairs: {len(pairs)} of {len(both) * (len(both) - 1) // 2}; other end: {len(states)}; "
          f"median {lags[len(lags) // 2]:g} s, most {lags[-1]:g} s; "
          f"last start ours {max(ours.starts.values(), default=0):g} s, theirs {max(theirs.starts.values(), default=0):g} s")
    shown = "{:<16} {:>9} {:>9}  {:<14} {:<14}"
    if late or pairs or states:
        print(shown.format("  job", "ours", "theirs", "ours on", "theirs on"))
    for name, here, there in late:
        print(shown.format("  " + name, str(here), str(there), ours.nodes.get(name, "-"), theirs.nodes.get(name, "-")))
    for one, other in pairs[:20]:
        print(f"  swapped: ours starts {one} at {ours.starts[one]} before {other} at {ours.starts[other]}; "
              f"theirs {other} at {theirs.starts[other]} before {one} at {theirs.starts[one]}")
    for name in states:
        print(f"  ends: {name} is {ours.states[name]} with us, {theirs.states[name]} with them")
    sys.stdout.flush()
    return len(late) <= allowed["late"] and len(pairs) <= allowed["swapped"] and len(states) <= allowed["ends"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--tick", type=float, help="seconds within which starts count as equal")
    arguments.add_argument("--write", help="also write all starts to this file, as JSON")
    arguments.add_argument("traces", nargs="+")
    arguments = arguments.parse_args()
    ours = Service("ours", os.environ["QUINTET_URL"], os.environ["QUINTET_KEY"])
    theirs = Service("theirs", os.environ["SLURM_REST_URL"], os.environ["SLURM_KEY"])
    good, written = True, {}
    for path in arguments.traces:
        lines, settings = read_trace(path)
        runs = [Run(ours, lines), Run(theirs, lines)]
        threads = [threading.Thread(target=run.play) for run in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for run in runs:
            if run.error:
                print(f"{os.path.basename(path)}: {run.service.name}: {run.error}")
                good = False
        if any(run.error for run in runs):
            continue
        tick = arguments.tick or float(settings.get("tick", 3))
        allowed = {name: int(settings.get(name, 0)) for name in ("late", "swapped", "ends")}
        good &= compare(path, *runs, tick, allowed)
        written[os.path.basename(path)] = {run.service.name: run.starts for run in runs}
    if arguments.write:
        with open(arguments.write, "w", encoding="utf-8") as file:
            json.dump(written, file, indent=1)
    sys.exit(not good)


main()
