"""What is refused, and with which number: impossible requests, and who may not."""

from place import check, same
from stage import trial


@trial()
def impossible(t):
    """Requests that can never be met are refused at once."""
    for error, fields in (
        (2000, {"partition": "nowhere"}), (2000, {"partition": "common,nowhere"}), (2018, {"required_nodes": ["n99"]}),
        (2014, {"tasks": 9, "nodes": "1"}), (2014, {"cpus_per_task": 9}), (2014, {"memory_per_node": 17000}),
        (2029, {"constraints": "green"}), (2048, {"licenses": "matlab:11"}), (2053, {"reservation": "nowhere"}),
        (2072, {"tres_per_node": "gres/tpu:1"}), (2038, {"dependency": "never:1"}), (2124, {"time_limit": 5, "time_minimum": 6}),
        (2081, {"array": "a"}), (2063, {"current_working_directory": ""}), (2127, {"environment": []}),
        (2012, {"name": "n" * 2000}),
        (2078, {"immediate": True, "partition": "long", "begin_time": 4000000000}),
    ):
        t.refuse(error, **fields)
    document = t.alice.refused(9000, "POST", "/job/submit", {"job": t.described({})})
    check("script" in document["errors"][0]["description"], "what is missing is told:", document["errors"])


@trial()
def too_many_nodes(t):
    """A job that asks for more nodes than its partition has is taken with a warning, and waits."""
    job, answer = t.submitted("true", nodes="5", partition="common")
    check(any("not available" in warning["description"] for warning in answer["warnings"]), "warnings:", answer["warnings"])
    job.until("PENDING")


@trial()
def for_others(t):
    """Nobody submits for others but administrators, whose jobs then are that user's."""
    t.needs("users of their own")
    t.refuse(2010, by=t.alice, user_id="bob")
    t.refuse(2002, by=t.alice, admin_comment="mine")
    job = t.submit("id -u >who", by=t.operator, user_id="2002", account="chemistry")
    record, accounted = job.ended("COMPLETED", code=0)
    same((record["user_name"], accounted["user"], t.lines("who")), ("bob", "bob", ["2002"]), "whose it is")


@trial()
def in_the_name_of(t):
    """Who may do everything acts for others by naming them; a user's token is his own."""
    named = {"X-SLURM-USER-NAME": "alice"}
    held = {"script": "#!/bin/sh\ntrue\n", "job": t.described({"hold": True})}
    answer = t.operator.done("POST", "/job/submit", held, headers=named)
    [record] = t.alice.done("GET", f"/job/{answer['job_id']}")["jobs"]
    same(record["user_name"], "alice", "whose it is")
    t.alice.done("DELETE", f"/job/{answer['job_id']}")
    refused = t.bob.ask("POST", "/job/submit", {"script": "#!/bin/sh\ntrue\n", "job": t.described({})}, headers=named)
    check(refused.status in (401, 511), "bob's token with alice's name:", refused)
    refused = t.bob.ask("GET", "/jobs/", headers=named)
    check(refused.status in (401, 511) and b"job_state" not in refused.body, "the same, reading:", refused)


@trial()
def administration(t):
    """Users change no nodes and reservations, and read nothing that is not for them."""
    t.alice.refused(2010, "POST", "/nodes/", {"name": ["n1"], "state": ["DRAIN"], "reason": "mine"})
    t.alice.refused(2010, "GET", "/reconfigure/")
    for name in ("diag", "wckeys", "config"):
        t.alice.refused(2002, "GET", f"/{name}/" if name != "config" else "/config", base="/slurmdb/v0.0.44")
