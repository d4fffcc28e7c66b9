"""What jobs get: CPUs, memory, devices, licences, whole nodes, and which ones."""

from place import check, number, same, until, until_there
from stage import trial


def tres(text):
    return dict(part.split("=", 1) for part in text.split(",")) if text else {}


@trial()
def cpus_and_memory(t):
    """Tasks times CPUs, with memory for each, is what a job has and accounting counts."""
    job = t.submit("true", tasks=3, cpus_per_task=2, memory_per_cpu=40, nodes="1")
    record, accounted = job.ended("COMPLETED", code=0)
    same((number(record["cpus"]), number(record["tasks"]), number(record["cpus_per_task"])), (6, 3, 2), "CPUs")
    given = tres(record["tres_alloc_str"])
    same((given["cpu"], given["mem"], given["node"]), ("6", "240M", "1"), "what it had")
    counted = {one["type"]: one["count"] for one in accounted["tres"]["allocated"]}
    same((counted["cpu"], counted["mem"], counted["node"]), (6, 240, 1), "what accounting counts")
    same(number(accounted["required"]["memory_per_cpu"]), 40, "memory in accounting")


@trial(nodes=3)
def several_nodes(t):
    """Tasks are laid on as many nodes as were asked for, as many on each as was said."""
    job = t.submit(until_there("go"), nodes="2-3", tasks=6, tasks_per_node=2)
    record = job.until("RUNNING")
    same((number(record["node_count"]), number(record["cpus"])), (3, 6), "nodes and CPUs")
    layout = t.alice.done("GET", f"/resources/{job.id}")["nodes"]
    same(sorted(node["node"] for node in layout), sorted(t.nodes, key=str), "its nodes")
    same({node["name"]: node["cpus"]["count"] for node in record["job_resources"]["nodes"]["allocation"]},
         dict.fromkeys(t.nodes, 2), "CPUs on each")
    t.write("go")
    _, accounted = job.ended("COMPLETED", code=0)
    same(accounted["allocation_nodes"], 3, "nodes in accounting")


@trial(nodes=3)
def whole_nodes(t):
    """An exclusive job has all of its node, and nobody else is there meanwhile."""
    job = t.submit(until_there("go"), shared=["none"], required_nodes=[t.nodes[0]])
    record = job.until("RUNNING")
    same(tres(record["tres_alloc_str"])["cpu"], "8", "CPUs that it holds")
    other = t.submit("true", required_nodes=[t.nodes[0]])
    other.until("PENDING", "Resources")
    t.write("go")
    other.ended("COMPLETED", code=0)
    # Neither comes where somebody is.
    t.write("stay")
    first = t.submit("while [ -e stay ]; do sleep 0.2; done", required_nodes=[t.nodes[1]])
    first.until("RUNNING")
    alone = t.submit("true", shared=["none"], required_nodes=[t.nodes[1]])
    alone.until("PENDING", "Resources")
    first.cancel()
    record, _ = alone.ended("COMPLETED", code=0)
    check(number(record["start_time"]) >= number(first.now()["end_time"]), "they were not there together")


@trial(nodes=3)
def which_nodes(t):
    """Jobs run on the nodes that were named, and on none that was excluded."""
    named, _ = t.submit("true", required_nodes=[t.nodes[1]]).ended("COMPLETED", code=0)
    same(named["nodes"], t.nodes[1], "the node that was named")
    other, _ = t.submit("true", excluded_nodes=t.nodes[:2]).ended("COMPLETED", code=0)
    same(other["nodes"], t.nodes[2], "the one that was not excluded")
    both, _ = t.submit("true", nodes="2", required_nodes=[t.nodes[2]], excluded_nodes=[t.nodes[0]]).ended("COMPLETED", code=0)
    names = t.alice.ask("POST", "/hostnames", {"hostlist": both["nodes"]}, base="/util/v0.0.44")
    if names.status == 200:
        same(sorted(names.json["hostnames"]), sorted(t.nodes[1:], key=str), "both nodes")
    same(number(both["node_count"]), 2, "how many nodes")


@trial(nodes=3)
def features(t):
    """Constraints choose nodes by what these have, and administrators say what that is."""
    a, b, c = t.nodes
    for node, has in ((a, "fast,red"), (b, "fast,blue"), (c, "red,blue")):
        t.operator.done("POST", f"/node/{node}", {"features": has.split(","), "features_act": has.split(",")})
    try:
        for wish, node in (("fast&red", a), ("fast&blue", b), ("red&blue", c)):
            record, _ = t.submit("true", constraints=wish).ended("COMPLETED", code=0)
            same((record["nodes"], record["features"]), (node, wish), f"node for {wish}")
        either, _ = t.submit("true", constraints="red|blue", excluded_nodes=[a, c]).ended("COMPLETED", code=0)
        same(either["nodes"], b, "node for red or blue")
        preferred, _ = t.submit("true", prefer="blue", excluded_nodes=[c]).ended("COMPLETED", code=0)
        same(preferred["nodes"], b, "node that was preferred")
        t.refuse(2014, constraints="fast&red&blue")
        t.refuse(2029, constraints="green")
    finally:
        for node in t.nodes:
            t.operator.done("POST", f"/node/{node}", {"features": ["fast", "intel"], "features_act": ["fast", "intel"]})


@trial()
def licences(t):
    """Licences are counted: who finds too few waits, and gets them back from who has ended."""
    def free():
        return next(one for one in t.alice.done("GET", "/licenses/")["licenses"] if one["LicenseName"] == "ansys")
    same((free()["Total"], free()["Used"]), (4, 0), "licences before")
    first = t.submit(until_there("go"), licenses="ansys:3")
    first.until("RUNNING")
    until(free, lambda one: (one["Used"], one["Free"]) == (3, 1), "three to be used")
    second = t.submit("true", licenses="ansys:2")
    second.until("PENDING", "Licenses")
    t.submit("true", licenses="ansys").ended("COMPLETED", code=0)
    t.write("go")
    _, accounted = second.ended("COMPLETED", code=0)
    same(accounted["licenses"], "ansys:2", "licences in accounting")
    until(free, lambda one: one["Used"] == 0, "all to be free")
    t.refuse(2048, licenses="ansys:5")
    t.refuse(2048, licenses="nobody")


@trial(nodes=1)
def memory(t):
    """Memory is given out once: who finds too little waits."""
    first = t.submit(until_there("go"), memory_per_node=9000)
    first.until("RUNNING")
    second = t.submit("true", memory_per_node=9000)
    small = t.submit("true", memory_per_node=100, time_limit=1)
    small.ended("COMPLETED", code=0)
    second.until("PENDING", "Resources")
    t.write("go")
    second.ended("COMPLETED", code=0)
    t.refuse(2014, memory_per_node=16001)


@trial(nodes=1)
def devices(t):
    """Generic resources are given out once, by number."""
    first = t.submit(until_there("go"), tres_per_node="gres/gpu:1")
    one = first.until("RUNNING")
    two = t.submit(until_there("go"), tres_per_node="gres/gpu:1").until("RUNNING")
    both = t.submit("true", tres_per_node="gres/gpu:2")
    both.until("PENDING", "Resources")
    same(sorted(one["gres_detail"] + two["gres_detail"]), ["gpu:1(IDX:0)", "gpu:1(IDX:1)"], "which ones they have")
    node = t.node(t.nodes[0])
    check(node["gres_used"].startswith("gpu:2"), "what its node tells:", node["gres_used"])
    t.write("go")
    record, accounted = both.ended("COMPLETED", code=0)
    check("gres/gpu=2" in record["tres_alloc_str"], "what it had:", record["tres_alloc_str"])
    check(any((each["type"], each["name"], each["count"]) == ("gres", "gpu", 2) for each in accounted["tres"]["allocated"]),
          "what accounting counts:", accounted["tres"]["allocated"])
    t.refuse(2014, tres_per_node="gres/gpu:3")
    t.refuse(2072, tres_per_node="gres/tpu:1")


@trial(nodes=1)
def full_node(t):
    """Jobs share a node until its CPUs are given out; then the next one waits."""
    jobs = [t.submit(until_there("go"), tasks=2) for _ in range(4)]
    for job in jobs:
        job.until("RUNNING")
    until(lambda: t.node(t.nodes[0]), lambda node: node["alloc_cpus"] == 8 and "ALLOCATED" in node["state"],
          "all CPUs to be given out")
    taken = [core["index"] for job in jobs for socket in job.now()["job_resources"]["nodes"]["allocation"][0]["sockets"]
             for core in socket["cores"] if "ALLOCATED" in core["status"]]
    same(sorted(taken), list(range(8)), "cores that they have")
    late = t.submit("true")
    late.until("PENDING", "Resources")
    t.write("go")
    late.ended("COMPLETED", code=0)
