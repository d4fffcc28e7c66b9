"""ET Engine's own SDK 0.0.1, unmodified, against a service that QUINTET_URL names, with a key in ET_ENGINE_API_KEY.

A filesystem is filled and read back, a tool is called over several arguments, the batch is waited for and cleared away.
What the SDK has no call for, sending a tool, is done by hand.
"""

import filecmp
import os
import sys
import tempfile
import time

import requests
from et_engine import Engine
from et_engine.tools import Hardware

BASE = os.environ["QUINTET_URL"].rstrip("/") + "/v1"
KEY = {"Authorization": os.environ["ET_ENGINE_API_KEY"]}
TOOL = """#!/bin/sh
[ "$who" != nobody ] || exit 7
printf 'Hello, %s of %s' "$who" "$place" >"filesystems/sdk-data/hello-$who.txt"
"""


def check(holds, what):
    if not holds:
        sys.exit(f"FAILED: {what}")


def filesystems(engine, folder):
    """Sends 20 MB in pieces of 8 MB, five at a time, and fetches them again."""
    filesystem = engine.filesystems.create_filesystem("sdk-data")
    check(engine.filesystems.connect("sdk-data") == filesystem, "the filesystem is found by its name")
    sent, fetched = os.path.join(folder, "sent"), os.path.join(folder, "fetched")
    with open(sent, "wb") as file:
        file.write(os.urandom(20 * 1000 * 1000))
    filesystem.mkdir("in")
    filesystem.mkdir("in", ignore_exists=True)
    filesystem.upload(sent, "in/some file.bin")
    check(filesystem.ls("in") == {"directories": [], "files": ["some file.bin"]}, "the file is listed")
    check(filesystem.ls() == {"directories": ["in"], "files": []}, "the folder is listed")
    filesystem.download("in/some file.bin", fetched)
    check(filecmp.cmp(sent, fetched, shallow=False), "what was fetched is what was sent")
    filesystem.delete("in/some file.bin")
    check(filesystem.ls("in")["files"] == [], "the file is gone")
    return filesystem


def tool_of(engine):
    """Makes a tool and sends what it is."""
    tool = engine.tools.create_tool("sdk-hello", "says hello into a file")
    check(tool.status()["ready"] is False, "a tool without content is not ready")
    requests.put(f"{BASE}/tools/{tool.tool_id}", data=TOOL, headers=KEY, timeout=20).raise_for_status()
    check(tool.status()["ready"] is True, "a tool with content is ready")
    return engine.tools.connect("sdk-hello")


def over(batch):
    """Waits with the SDK's own call and returns the counts."""
    batch.wait(interval=1)
    status = batch.status()
    check(sum(status.to_json().values()) == batch.n_jobs, "every job is counted once")
    return status


def main():
    engine = Engine(BASE)
    with tempfile.TemporaryDirectory() as folder:
        filesystem = filesystems(engine, folder)
        tool = tool_of(engine)
        hardware = Hardware(filesystem_list=[filesystem], cpu=1, memory=64)
        single = tool(who="single", place="here", hardware=hardware)
        check(over(single).succeeded == 1, "one call is one job")
        people = [{"who": f"person {at}"} for at in range(3)] + [{"who": "nobody"}]
        batch = tool.run_batch(fixed_kwargs={"place": "there", "who": "covered"}, variable_kwargs=people, hardware=hardware)
        status = over(batch)
        check((status.succeeded, status.failed) == (3, 1), f"three of four jobs end well: {status}")
        files = {"hello-single.txt", "hello-person 0.txt", "hello-person 1.txt", "hello-person 2.txt"}
        check(set(filesystem.ls()["files"]) == files, "the jobs found the filesystem")
        copy = os.path.join(folder, "hello")
        filesystem.download("hello-person 1.txt", copy)
        with open(copy, encoding="utf-8") as file:
            check(file.read() == "Hello, person 1 of there", "the job found its arguments")
        check({one.batch_id for one in engine.batches.list_batches()} >= {single.batch_id, batch.batch_id}, "both are listed")
        check(engine.batches.connect(batch.batch_id) == batch, "a batch is found by its name")
        single.delete()
        left = [one.batch_id for one in engine.batches.list_batches()]
        check(single.batch_id not in left and batch.batch_id in left, "the batch that was deleted is gone")
        engine.batches.clear_batches()
        left = [one.batch_id for one in engine.batches.list_batches()]
        check(batch.batch_id not in left, "all are gone")
        tool.delete()
        check(all(one.tool_name != "sdk-hello" for one in engine.tools.list_tools()), "the tool is gone")
        requests.delete(f"{BASE}/filesystems/{filesystem.filesystem_id}", headers=KEY, timeout=20).raise_for_status()


began = time.monotonic()
main()
print(f"et-engine 0.0.1: filesystems, tools and batches, {time.monotonic() - began:.1f} s")
