"""Directories kept the same here and in a bucket of moto, there and back: many files, empty ones, markers of directories,
names of every kind, a file in pieces, and what is deleted.

Beside what `clients.py` needs, QUINTET_STORE is the endpoint, QUINTET_BUCKET the bucket, and QUINTET_STORE_KEY and
QUINTET_STORE_SECRET are the service's own credentials there.
"""

import json
import os
import shutil
import time

import boto3
from clients import FOLDER, by_aws4auth, expect

BUCKET = os.environ["QUINTET_BUCKET"]
STORE = boto3.client(
    "s3",
    endpoint_url=os.environ["QUINTET_STORE"],
    region_name="us-east-1",
    aws_access_key_id=os.environ["QUINTET_STORE_KEY"],
    aws_secret_access_key=os.environ["QUINTET_STORE_SECRET"],
)
DATA = FOLDER / "data"
PREFIX = f"{FOLDER.name}/data/"

NAMES = {
    "a/b/c/deep.txt": b"deep",
    "empty": b"",
    "a/empty too": b"",
    "with blanks # and % 100%+?=&.txt": b"blanks",
    "signs/<&>'\";:@$!,()[]{}^~`|*.txt": b"signs",
    "back\\slash": b"backslash",
    "日本語/ファイル.txt": "日".encode(),
    "e\u0301 and \u00e9.txt": b"composed and not",
    "\U0001f4c8.dat": b"beyond the first plane",
    "%41 is not A": b"encoded",
    " leading and trailing ": b"blanks",
    "...": b"dots",
}


def synchronized(direction, delete=False, path="data", result="0"):
    body = json.dumps({"path": path, "direction": direction, "delete": delete})
    status, text = by_aws4auth("POST", "/files/sync", body)
    expect(f"files/sync {direction}: {text}", 200, status)
    number = json.loads(text)["requestid"]
    for _ in range(6000):
        status, text = by_aws4auth("GET", f"/files/sync/{number}")
        told = json.loads(text)
        if told["status"] != "waiting":
            break
        time.sleep(0.02)
    expect(f"files/sync {direction} of {path}", {"status": "complete", "result": result}, told)


def here():
    return {str(path.relative_to(DATA)): path.read_bytes() for path in DATA.rglob("*") if path.is_file()}


def listed():
    pages = STORE.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=PREFIX)
    return {entry["Key"][len(PREFIX) :]: entry for page in pages for entry in page.get("Contents", [])}


def there():
    read = lambda name: STORE.get_object(Bucket=BUCKET, Key=PREFIX + name)["Body"].read()
    return {name: read(name) for name in listed() if name and not name.endswith("/")}


def put(name, content=b""):
    STORE.put_object(Bucket=BUCKET, Key=PREFIX + name, Body=content)


def same(what, wanted, found):
    expect(f"{what}: missing", [], sorted(wanted.keys() - found.keys()))
    expect(f"{what}: too many", [], sorted(found.keys() - wanted.keys()))
    for name, content in wanted.items():
        if content != found[name]:
            expect(f"{what}: {name}", content[:100], found[name][:100])


def write(name, content):
    path = DATA / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    large = b"".join(number.to_bytes(4, "little") for number in range(10 << 20)) + b"end"
    # More than a page of a list, and more than are deleted at once.
    many = {f"many/{number % 7}/{number}": str(number).encode() for number in range(1100)}
    whole = NAMES | many | {"large.bin": large}
    for name, content in whole.items():
        write(name, content)
    os.symlink("/etc", DATA / "etc")
    os.symlink("../client.sh", DATA / "out")

    synchronized("to_online")
    same("sent", whole, there())
    if "-" not in listed()["large.bin"]["ETag"]:
        expect("the large file went in pieces", True, listed()["large.bin"]["ETag"])
    before = {name: entry["LastModified"] for name, entry in listed().items()}
    synchronized("to_online")
    expect("nothing was sent twice", before, {name: entry["LastModified"] for name, entry in listed().items()})

    # Markers make directories, whether something is in them or not, and are never files.
    for marker in ["", "a/", "hollow/", "hollow/inner/", "日本語/"]:
        put(marker)
    shutil.rmtree(DATA)
    synchronized("from_online")
    same("fetched", whole, here())
    expect("a directory without files", True, (DATA / "hollow/inner").is_dir())
    fetched = {name: (DATA / name).stat().st_mtime_ns for name in whole}
    synchronized("from_online")
    expect("nothing was fetched twice", fetched, {name: (DATA / name).stat().st_mtime_ns for name in whole})

    # As large as before and no newer: only the tag tells.
    write("many/0/0", b"#")
    os.utime(DATA / "many/0/0", (1, 1))
    synchronized("to_online")
    expect("a change that only the tag tells", b"#", there()["many/0/0"])
    put("many/1/1", b"%")
    os.utime(DATA / "many/1/1")
    synchronized("from_online")
    expect("the same from there", b"%", (DATA / "many/1/1").read_bytes())
    whole |= {"many/0/0": b"#", "many/1/1": b"%"}

    # Nothing is deleted unless that is asked for.
    write("extra/more", b"more")
    synchronized("from_online")
    expect("an extra file survives", b"more", (DATA / "extra/more").read_bytes())
    synchronized("from_online", delete=True)
    same("without extra files", whole, here())
    kept = {name: whole[name] for name in ["a/b/c/deep.txt", "empty", "日本語/ファイル.txt", "many/1/1"]}
    for name in whole.keys() - kept.keys():
        (DATA / name).unlink()
    synchronized("to_online")
    same("nothing was deleted there", whole, there())
    synchronized("to_online", delete=True)
    same("deleted there", kept, there())
    same("and not here", kept, here())

    # Keys that are no paths are told, as is one that is a file and a directory; the others are fetched.
    for key in ["odd/..", "odd/../up", "odd//twice", "odd/./here", "odd/fine", "odd/both", "odd/both/x"]:
        STORE.put_object(Bucket=BUCKET, Key=f"{FOLDER.name}/{key}", Body=b"x")
    synchronized("from_online", path="odd", result="5")
    expect("what is a path was fetched", ["both", "fine"], sorted(os.listdir(FOLDER / "odd")))
    print(f"{len(whole)} files went to moto and came back")
