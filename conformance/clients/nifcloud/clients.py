"""Nifcloud's interface, asked by every signer that people use: a job is submitted, listed, read and cancelled with each.

QUINTET_URL, QUINTET_ACCESS_KEY and QUINTET_SECRET_KEY say where and as whom; QUINTET_FOLDER is the user's folder.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

URL = os.environ["QUINTET_URL"]
ACCESS_KEY = os.environ["QUINTET_ACCESS_KEY"]
SECRET_KEY = os.environ["QUINTET_SECRET_KEY"]
FOLDER = pathlib.Path(os.environ["QUINTET_FOLDER"])
REGION, SERVICE = "jp-east-1", "hpc-api"
JSON = {"Content-Type": "application/json;charset=utf-8"}


def by_curl(method, path, body=None):
    command = ["curl", "-sS", "-X", method, "--aws-sigv4", f"aws:amz:{REGION}:{SERVICE}"]
    command += ["--user", f"{ACCESS_KEY}:{SECRET_KEY}", "-w", "\n%{http_code}"]
    if body is not None:
        command += ["-H", f"Content-Type: {JSON['Content-Type']}", "--data", body]
    output = subprocess.run(command + [URL + path], check=True, capture_output=True, text=True).stdout
    text, status = output.rsplit("\n", 1)
    return int(status), text


def by_botocore(method, path, body=None):
    import requests
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest(method, URL + path, data=body, headers=JSON if body is not None else {})
    SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), SERVICE, REGION).add_auth(request)
    answer = requests.request(method, URL + path, data=body, headers=dict(request.headers), timeout=30)
    return answer.status_code, answer.text


def by_requests(auth, method, path, body):
    import requests

    headers = JSON if body is not None else {}
    answer = requests.request(method, URL + path, data=body, headers=headers, auth=auth, timeout=30)
    return answer.status_code, answer.text


def by_aws4auth(method, path, body=None):
    from requests_aws4auth import AWS4Auth

    return by_requests(AWS4Auth(ACCESS_KEY, SECRET_KEY, REGION, SERVICE), method, path, body)


def by_aws_requests_auth(method, path, body=None):
    from aws_requests_auth.aws_auth import AWSRequestsAuth

    host = URL.split("://", 1)[1]
    auth = AWSRequestsAuth(ACCESS_KEY, SECRET_KEY, host, REGION, SERVICE)
    return by_requests(auth, method, path, body)


def by_httpx(method, path, body=None):
    import httpx
    from httpx_auth_awssigv4 import SigV4Auth

    auth = SigV4Auth(access_key=ACCESS_KEY, secret_key=SECRET_KEY, service=SERVICE, region=REGION)
    headers = JSON if body is not None else {}
    answer = httpx.request(method, URL + path, content=body, headers=headers, auth=auth, timeout=30)
    return answer.status_code, answer.text


def expect(what, wanted, found):
    if wanted != found:
        sys.exit(f"{what}: wanted {wanted!r}, found {found!r}")


def tour(name, ask):
    status, text = ask("POST", "/jobs", json.dumps({"jobfile": "client.sh", "qopt": "-v"}))
    expect(f"{name} submits: {text}", 201, status)
    job = json.loads(text)["job_id"]
    expect(f"{name}: type of job_id", int, type(job))
    status, text = ask("GET", "/jobs")
    expect(f"{name} lists", 200, status)
    if str(job) not in [one["job_id"] for one in json.loads(text)]:
        sys.exit(f"{name}: job {job} is not in {text}")
    status, text = ask("GET", f"/jobs/{job}")
    expect(f"{name} reads", (200, "client.sh"), (status, json.loads(text).get("job_name")))
    expect(f"{name} cancels", (204, ""), ask("DELETE", f"/jobs/{job}"))
    for _ in range(600):
        status, text = ask("GET", f"/jobs/{job}")
        if json.loads(text)["status"] == "CCL":
            break
        time.sleep(0.05)
    expect(f"{name}: code after cancelling", "1", json.loads(text)["Fugaku:pc"])
    expect(f"{name} cancels again", 404, ask("DELETE", f"/jobs/{job}")[0])
    status, text = ask("GET", "/files/sync/1")
    expect(f"{name} asks for a synchronization", (200, {"status": "error: no such ID"}), (status, json.loads(text)))


if __name__ == "__main__":
    (FOLDER / "client.sh").write_text("#!/bin/sh\n#PJM -L node=1,elapse=10:00\n#PJM -j\nsleep 300\n")
    askers = {
        "curl": by_curl,
        "botocore": by_botocore,
        "requests-aws4auth": by_aws4auth,
        "aws-requests-auth": by_aws_requests_auth,
        "httpx-auth-awssigv4": by_httpx,
    }
    for name, ask in askers.items():
        tour(name, ask)
    print(f"{len(askers)} signers understood")
