"""A tour of all operations of the controller's interface, for any client that can be asked for one of them.

A client is a function `ask(user, operation, path={}, query={}, body=None)` which gives the status and the document as the
client's own models show it. Nothing here knows how it does that. The tour changes nodes and makes reservations and leaves
everything as it was.
"""

import json
import time
import urllib.request

from original import check_all_met, differs
from place import ADMIN, ADMIN_TOKEN, DIRECTORY, TOKEN, URL, USER, is_over, poll

VERSION = "v0.0.44"
TOKENS = {USER: TOKEN, ADMIN: ADMIN_TOKEN}

# What the published document names the operations, and where they are.
OPERATIONS = {
    "get_diag": ("GET", "diag/"),
    "post_job_allocate": ("POST", "job/allocate"),
    "post_job_submit": ("POST", "job/submit"),
    "delete_job": ("DELETE", "job/{job_id}"),
    "get_job": ("GET", "job/{job_id}"),
    "post_job": ("POST", "job/{job_id}"),
    "delete_jobs": ("DELETE", "jobs/"),
    "get_jobs": ("GET", "jobs/"),
    "get_jobs_state": ("GET", "jobs/state/"),
    "get_licenses": ("GET", "licenses/"),
    "post_new_node": ("POST", "new/node/"),
    "delete_node": ("DELETE", "node/{node_name}"),
    "get_node": ("GET", "node/{node_name}"),
    "post_node": ("POST", "node/{node_name}"),
    "get_nodes": ("GET", "nodes/"),
    "post_nodes": ("POST", "nodes/"),
    "get_partition": ("GET", "partition/{partition_name}"),
    "get_partitions": ("GET", "partitions/"),
    "get_ping": ("GET", "ping/"),
    "get_reconfigure": ("GET", "reconfigure/"),
    "post_reservation": ("POST", "reservation"),
    "delete_reservation": ("DELETE", "reservation/{reservation_name}"),
    "get_reservation": ("GET", "reservation/{reservation_name}"),
    "get_reservations": ("GET", "reservations/"),
    "post_reservations": ("POST", "reservations/"),
    "get_resources": ("GET", "resources/{job_id}"),
    "get_shares": ("GET", "shares"),
}


def published():
    """Returns method and path of every operation that the service says it has."""
    request = urllib.request.Request(f"{URL}/openapi/v3", headers={"X-SLURM-USER-NAME": USER, "X-SLURM-USER-TOKEN": TOKEN})
    with urllib.request.urlopen(request, timeout=20) as answer:
        paths = json.load(answer)["paths"]
    base = f"/slurm/{VERSION}/"
    return {
        (method.upper(), path.removeprefix(base))
        for path, methods in paths.items()
        if path.startswith(base)
        for method in methods
    }


def number(value):
    """What a number with its flags says, which must be that it is one."""
    assert value["set"] and not value["infinite"], value
    return value["number"]


class Tour:
    def __init__(self, name, ask):
        self.name, self._ask, self.asked = name, ask, {}

    def ask(self, operation, *, user=USER, body=None, query=None, **path):
        """Asks for an operation that must succeed without error or warning, and returns its document."""
        status, document = self.try_(operation, user=user, body=body, query=query, **path)
        assert status == 200, (operation, status, document)
        assert not document.get("errors") and not document.get("warnings"), (operation, document["errors"], document["warnings"])
        assert document["meta"]["slurm"]["cluster"] == "testbed", document["meta"]
        return document

    def try_(self, operation, *, user=USER, body=None, query=None, **path):
        self.asked[operation] = self.asked.get(operation, 0) + 1
        return self._ask(user, operation, path, query or {}, body)

    def refused(self, wanted, error, operation, **more):
        """Asks for what must be refused with this status and error number; some clients hide the document or both."""
        status, document = self.try_(operation, **more)
        assert status in (wanted, None), (operation, status, document)
        if document is not None:
            assert document["errors"][0]["error_number"] == error, document["errors"]

    # --- jobs -------------------------------------------------------------------------------------------------

    def described(self, name, **more):
        return {
            "name": name,
            "current_working_directory": DIRECTORY,
            "environment": ["PATH=/bin:/usr/bin"],
            "standard_output": "/dev/null",
            **more,
        }

    def submit(self, script, **job):
        ask = self.ask
        if "reservation" in job and differs("a job comes to a reservation that has just begun"):
            ask = self.ask_with_warnings
        document = ask("post_job_submit", body={"script": f"#!/bin/sh\n{script}\n", "job": self.described(**job)})
        assert document["job_id"] > 0 and document["step_id"] == "batch", document
        return document["job_id"]

    def job(self, job_id):
        jobs = self.ask("get_job", job_id=str(job_id))["jobs"]
        assert [job["job_id"] for job in jobs] == [job_id], jobs
        return jobs[0]

    def until(self, job_id, state):
        return poll(lambda: self.job(job_id), lambda job: state in job["job_state"], f"{state} of job {job_id}")

    def until_over(self, job_id):
        return poll(lambda: self.job(job_id), lambda job: is_over(job["job_state"]), f"the end of job {job_id}")

    def a_running_job(self):
        """A job with devices, licences and cores of its choice, seen from all sides."""
        before = self.licences()["matlab"]
        job_id = self.submit(
            "exec sleep 600", name="tour", tasks=2, required_nodes=["n2"], licenses="matlab:3", comment="on tour",
            tres_per_node="gres/gpu:1", time_limit={"set": True, "infinite": False, "number": 9},
            memory_per_cpu={"set": True, "infinite": False, "number": 50},
        )
        job = self.until(job_id, "RUNNING")
        assert (job["user_name"], job["name"], job["comment"], job["partition"]) == (USER, "tour", "on tour", "debug")
        assert (job["nodes"], job["batch_host"], job["licenses"]) == ("n2", "n2", "matlab:3"), job
        assert (number(job["cpus"]), number(job["tasks"]), number(job["time_limit"])) == (2, 2, 9)
        assert number(job["end_time"]) == number(job["start_time"]) + 9 * 60
        assert number(job["memory_per_cpu"]) == 50 and not job["memory_per_node"]["set"]
        assert "gres/gpu=1" in job["tres_alloc_str"] and "mem=100M" in job["tres_alloc_str"], job["tres_alloc_str"]
        held = job["job_resources"]
        assert (held["cpus"], held["nodes"]["list"], held["nodes"]["count"]) == (2, "n2", 1), held
        [node] = held["nodes"]["allocation"]
        taken = [core for socket in node["sockets"] for core in socket["cores"] if "ALLOCATED" in core["status"]]
        assert (node["name"], node["cpus"]["count"], len(taken)) == ("n2", 2, 2), node
        [layout] = self.ask("get_resources", job_id=str(job_id))["nodes"]
        assert (layout["node"], layout["sockets_per_node"], layout["cores_per_socket"]) == ("n2", 1, 8), layout
        assert [(gres["name"], gres["count"]) for gres in layout["gres"]] == [("gpu", 1)], layout
        after = self.licences()["matlab"]
        assert (after["Used"], after["Free"]) == (before["Used"] + 3, before["Free"] - 3), after
        # The original counts CPUs when it lists nodes, and shows one node as it was then.
        assert self.nodes()["n2"]["alloc_cpus"] == 2
        node = self.node("n2")
        assert node["alloc_cpus"] == 2 and "MIXED" in node["state"], node
        assert node["gres_used"].startswith("gpu:1"), node["gres_used"]
        # Its owner may take of its time, and not give more than it has.
        self.ask("post_job", job_id=str(job_id), body={"comment": "shorter", "time_limit": {"set": True, "number": 8}})
        job = self.job(job_id)
        assert (job["comment"], number(job["time_limit"])) == ("shorter", 8), job
        self.refused(422, 2002, "post_job", job_id=str(job_id), body={"time_limit": {"set": True, "number": 99}})
        assert number(self.job(job_id)["time_limit"]) == 8
        return job_id

    def a_held_job(self):
        """A job is held, changed, released, and ends with a code of its own."""
        job_id = self.submit("exit 3", name="waits", begin_time={"set": True, "number": int(time.time()) + 3600})
        self.ask("post_job", job_id=str(job_id), body={"hold": True})
        job = self.job(job_id)
        assert (job["job_state"], job["state_reason"], job["hold"]) == (["PENDING"], "JobHeldUser", True), job
        assert number(job["priority"]) == 0
        self.ask("post_job", job_id=str(job_id), body={"name": "released", "hold": False, "begin_time": {"set": True, "number": 1}})
        ended = self.until_over(job_id)
        assert (ended["name"], ended["job_state"], ended["hold"]) == ("released", ["FAILED"], False), ended
        assert ended["exit_code"]["status"] == ["ERROR"] and number(ended["exit_code"]["return_code"]) == 3
        self.refused(422, 2084, "post_job", job_id=str(job_id), body={"name": "late"})
        return job_id

    def an_array(self):
        """Elements wait for their turn; they are changed and listed together and cancelled one by one."""
        job_id = self.submit("exec sleep 600", name="array", array="0-2%1", tasks=1)
        running = poll(
            lambda: self.jobs(lambda job: number(job["array_job_id"]) == job_id),
            lambda jobs: any("RUNNING" in job["job_state"] for job in jobs),
            "the first element",
        )
        assert number(running[0]["array_max_tasks"]) == 1, running[0]
        states = self.ask("get_jobs_state", query={"job_id": str(job_id)})["jobs"]
        # The original calls it by another name than its schema.
        assert {state for job in states for state in job.get("job_state") or job["state"]} == {"PENDING", "RUNNING"}, states
        self.ask("post_job", job_id=str(job_id), body={"comment": "all of us"})
        assert self.job_of_array(job_id, "PENDING")["comment"] == "all of us"
        # Who waits can ask for more tasks, who runs cannot.
        results = self.ask("post_job", job_id=str(job_id), body={"tasks": 2})["results"]
        if differs("an array is updated by its number"):
            assert results is None, results
        else:
            assert sorted(result["error_code"] for result in results) == [0, 2073], results
        document = self.ask("delete_jobs", body={"jobs": [f"{job_id}_[0-2]"], "flags": ["VERBOSE"]})
        assert all(element["error"]["code"] == 0 for element in document["status"]), document["status"]
        poll(
            lambda: self.jobs(lambda job: number(job["array_job_id"]) == job_id),
            lambda jobs: all(is_over(job["job_state"]) for job in jobs),
            "the end of the array",
        )
        return job_id

    def job_of_array(self, job_id, state):
        return self.jobs(lambda job: number(job["array_job_id"]) == job_id and state in job["job_state"])[0]

    def a_signal(self, job_id):
        """A signal reaches the script, another one ends a job, and what has ended is told of."""
        tuned = self.submit("trap 'exit 7' USR1; touch armed.$SLURM_JOB_ID; while :; do sleep 0.1; done", name="signal")
        self.until(tuned, "RUNNING")
        poll(lambda: self.signal_once(tuned), lambda job: is_over(job["job_state"]), "the signal's effect")
        assert number(self.job(tuned)["exit_code"]["return_code"]) == 7, self.job(tuned)["exit_code"]
        document = self.ask("delete_jobs", body={"jobs": [str(job_id), str(tuned)], "user_name": USER})
        [failed] = document["status"]
        assert (number(failed["job_id"]), failed["error"]["code"]) == (tuned, 2021), document["status"]
        gone = self.until_over(job_id)
        assert gone["job_state"] == ["CANCELLED"], gone["job_state"]
        assert self.licences()["matlab"]["Used"] == 0, "a cancelled job's licences come back"

    def signal_once(self, job_id):
        # A shell that has not set its trap yet would die of it; then the exit code tells.
        time.sleep(0.3)
        self.try_("delete_job", job_id=str(job_id), query={"signal": "USR1", "flags": "BATCH_JOB"})
        return self.job(job_id)

    def an_allocation(self):
        """Resources without a script, held until they are given back."""
        document = self.ask("post_job_allocate", body={"job": self.described("alloc", tasks=3, required_nodes=["n3"])})
        job = self.job(document["job_id"])
        assert (job["job_state"], job["batch_flag"], job["nodes"]) == (["RUNNING"], False, "n3"), job
        assert self.ask("delete_job", job_id=str(job["job_id"]))["status"] == []
        assert self.until_over(job["job_id"])["job_state"] == ["CANCELLED"]

    def jobs(self, wanted):
        document = self.ask("get_jobs")
        assert number(document["last_update"]) > 0
        return [job for job in document["jobs"] if wanted(job)]

    # --- the cluster ------------------------------------------------------------------------------------------

    def licences(self):
        found = {licence["LicenseName"]: licence for licence in self.ask("get_licenses")["licenses"]}
        assert all(one["Free"] + one["Used"] + one["Reserved"] == one["Total"] for one in found.values()), found
        return found

    def node(self, name):
        [node] = self.ask("get_node", node_name=name)["nodes"]
        assert node["name"] == name, node
        return node

    def nodes(self):
        return {node["name"]: node for node in self.ask("get_nodes")["nodes"]}

    def the_cluster(self):
        [ping] = self.ask("get_ping")["pings"]
        assert ping["responding"] and ping["primary"] and ping["pinged"] == "UP" and ping["mode"] == "primary", ping
        nodes = self.nodes()
        assert sorted(nodes)[:4] == ["n1", "n2", "n3", "n4"], sorted(nodes)
        assert all((node["cpus"], node["real_memory"]) == (8, 16000) for node in nodes.values()), nodes
        assert nodes["n1"]["partitions"] == ["debug", "idle", "long"] or set(nodes["n1"]["partitions"]) == {"debug", "long", "idle"}
        partitions = {partition["name"]: partition for partition in self.ask("get_partitions")["partitions"]}
        assert partitions["idle"]["partition"]["state"] == ["DOWN"], partitions["idle"]
        [long] = self.ask("get_partition", partition_name="long")["partitions"]
        assert long == partitions["long"]
        assert long["maximums"]["time"]["infinite"] and long["priority"]["tier"] == 2 and long["nodes"]["total"] == 1, long
        assert self.licences()["ansys"]["Total"] == 4
        shares = self.ask_with_warnings("get_shares", query={"users": USER})["shares"]
        mine = [share for share in shares["shares"] if share["name"] == USER and "USER" in share["type"]]
        assert mine and all(share["parent"] in ("physics", "chemistry") for share in mine), shares
        assert all(number(share["shares"]) > 0 for share in mine), mine

    def ask_with_warnings(self, operation, **more):
        """Shares that nobody has used yet are infinitely large, of which the original warns."""
        status, document = self.try_(operation, **more)
        assert status == 200 and not document["errors"], document
        return document

    def a_node_down(self):
        """A job on a node that is set down waits again; the node comes back."""
        job_id = self.submit("exec sleep 600", name="comes again", required_nodes=["n3"], requeue=True)
        assert self.until(job_id, "RUNNING")["restart_cnt"] == 0
        self.refused(422, 2010, "post_node", node_name="n3", body={"state": ["DOWN"], "reason": "tour"})
        self.ask("post_node", user=ADMIN, node_name="n3", body={"state": ["DOWN"], "reason": "tour"})
        node = self.node("n3")
        assert "DOWN" in node["state"] and node["reason"] == "tour" and node["reason_set_by_user"] == ADMIN, node
        job = poll(lambda: self.job(job_id), lambda job: job["job_state"] == ["PENDING"], "a new place in the queue")
        assert job["restart_cnt"] == 1 and not job["nodes"], job
        assert self.ask("delete_job", job_id=str(job_id))["status"] == []
        self.until_over(job_id)
        resumed = {"user": ADMIN, "body": {"name": ["n3"], "state": ["RESUME"]}}
        if differs("a node that is down waits to be resumed"):
            # One that is back already is not resumed; when it comes back nobody knows.
            status, _ = self.try_("post_nodes", **resumed)
            assert status in (200, 422, None), status
        else:
            self.ask("post_nodes", **resumed)
        node = poll(lambda: self.node("n3"), lambda node: node["state"] == ["IDLE"], "n3's return", seconds=120)
        assert not node["reason"], node

    def a_node_drained(self):
        self.ask(
            "post_nodes", user=ADMIN,
            body={"name": ["n[3-4]"], "state": ["DRAIN"], "reason": "swept", "comment": "soon", "weight": {"set": True, "number": 7}},
        )
        for name in ("n3", "n4"):
            node = self.node(name)
            assert "DRAIN" in node["state"] and (node["reason"], node["comment"], node["weight"]) == ("swept", "soon", 7), node
        self.ask(
            "post_nodes", user=ADMIN,
            body={"name": ["n3", "n4"], "state": ["UNDRAIN"], "comment": "", "weight": {"set": True, "number": 1}},
        )
        assert all("DRAIN" not in self.node(name)["state"] for name in ("n3", "n4"))
        self.refused(422, 2018, "post_nodes", user=ADMIN, body={"name": ["n77"], "state": ["DRAIN"], "reason": "swept"})

    def a_made_node(self):
        self.ask("post_new_node", user=ADMIN, body={"node_conf": "NodeName=tour1 CPUs=4 RealMemory=1000 State=CLOUD"})
        node = self.node("tour1")
        cpus = 8 if differs("a node is made with CPUs of its own") else 4
        assert (node["cpus"], node["real_memory"]) == (cpus, 1000), node
        self.refused(422, 2028, "delete_node", user=ADMIN, node_name="n1")
        self.ask("delete_node", user=ADMIN, node_name="tour1")
        assert "tour1" not in self.nodes()

    def reservations(self):
        """Reserved nodes are for the reserved: made, changed, used, listed and taken away."""
        start = int(time.time())
        wish = {
            "name": "tour", "start_time": {"set": True, "number": start}, "duration": {"set": True, "number": 60},
            "node_list": ["n4"], "users": [USER], "flags": ["IGNORE_JOBS"],
        }
        self.refused(422, 2010, "post_reservation", body=wish)
        [answer] = self.ask("post_reservation", user=ADMIN, body=wish)["reservations"]
        assert (answer["name"], answer["node_list"], answer["users"]) == ("tour", ["n4"], [USER]), answer
        [one] = self.ask("get_reservation", reservation_name="tour")["reservations"]
        assert (one["node_list"], one["node_count"], one["core_count"], one["users"]) == ("n4", 1, 8, USER), one
        assert {"IGNORE_JOBS", "SPEC_NODES"} <= set(one["flags"]), one["flags"]
        assert number(one["end_time"]) - number(one["start_time"]) == 3600
        second = {
            "name": "later", "start_time": {"set": True, "number": start + 86400}, "duration": {"set": True, "number": 30},
            "node_count": {"set": True, "number": 2}, "accounts": ["physics"],
        }
        longer = {"name": "tour", "duration": {"set": True, "number": 120}}
        document = self.ask("post_reservations", user=ADMIN, body={"reservations": [longer, second]})
        assert [one["name"] for one in document["reservations"]] == ["tour", "later"], document
        listed = {one["name"]: one for one in self.ask("get_reservations")["reservations"]}
        assert number(listed["tour"]["end_time"]) - number(listed["tour"]["start_time"]) == 7200, listed["tour"]
        assert (listed["later"]["node_count"], listed["later"]["accounts"]) == (2, "physics"), listed["later"]
        job_id = self.submit("exec sleep 600", name="reserved", reservation="tour")
        job = self.until(job_id, "RUNNING")
        assert (job["nodes"], job["resv_name"]) == ("n4", "tour"), job
        document = self.ask("delete_jobs", body={"reservation": "tour", "job_state": ["RUNNING"], "user_name": USER})
        assert document["status"] == [], document
        self.until_over(job_id)
        for name in ("tour", "later"):
            self.ask("delete_reservation", user=ADMIN, reservation_name=name)
        assert not {"tour", "later"} & {one["name"] for one in self.ask("get_reservations")["reservations"]}

    def statistics(self):
        return self.ask("get_diag")["statistics"]

    def reconfigured(self, known):
        """The configuration is read again and nothing is forgotten."""
        self.ask("get_reconfigure", user=ADMIN)
        assert known <= {job["job_id"] for job in self.jobs(lambda job: True)}

    # ----------------------------------------------------------------------------------------------------------

    def take(self):
        began = time.monotonic()
        assert published() == set(OPERATIONS.values()), published() ^ set(OPERATIONS.values())
        before = self.statistics()
        self.the_cluster()
        running = self.a_running_job()
        held = self.a_held_job()
        self.a_signal(running)
        array = self.an_array()
        self.an_allocation()
        self.refused(404, 2017, "get_job", job_id="99999999")
        self.a_node_down()
        self.a_node_drained()
        self.a_made_node()
        self.reservations()
        # Before the original begins anew with its counts.
        after = self.statistics()
        self.reconfigured({running, held, array})
        assert after["jobs_submitted"] >= before["jobs_submitted"] + 7, (before["jobs_submitted"], after["jobs_submitted"])
        assert any(one["user"] == USER and one["count"] > 20 for one in after["rpcs_by_user"]), after["rpcs_by_user"]
        check_all_met()
        left = set(OPERATIONS) - set(self.asked)
        assert not left, f"not toured: {sorted(left)}"
        print(
            f"{self.name}: {len(self.asked)} operations in {sum(self.asked.values())} requests"
            f" and {time.monotonic() - began:.1f} s"
        )
