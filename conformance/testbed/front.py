"""Our service in front of a cluster, for programs that test: a process with a state of its own, and requests to it."""

import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time

from cluster import Broken, is_free, read

API = "/slurm/v0.0.44"
ACCOUNTING = "/slurmdb/v0.0.44"


class Answer:
    """What came of a request: status, headers with names in small letters, and the document if it is one."""

    def __init__(self, status, headers, body, took):
        self.status, self.headers, self.body, self.took = status, headers, body, took

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} after {self.took:.3f} s {self.headers}: {self.body[:600]!r}"


class Door:
    """An address that speaks Slurm's interface, and the credentials of one user there."""

    def __init__(self, address, user, token, patience=30):
        self.address, self.user, self.token, self.patience = address, user, token, patience

    def ask(self, method, path, body=None, headers=(), token=None):
        """Asks once. A connection that ends without an answer is an OSError or an HTTPException."""
        connection = http.client.HTTPConnection(self.address, timeout=self.patience)
        try:
            sent = {"X-SLURM-USER-NAME": self.user, "X-SLURM-USER-TOKEN": self.token if token is None else token, **dict(headers)}
            if body is not None:
                sent["Content-Type"] = "application/json"
                body = json.dumps(body)
            began = time.monotonic()
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            content = answer.read()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, named, content, time.monotonic() - began)
        finally:
            connection.close()


class Front:
    """`quintet serve` in front of a cluster. It can be killed and started again on what it left."""

    def __init__(self, server, cluster, settings="", identity='identity = "caller"', *, endpoints=None, more=""):
        """`settings` are lines of [engine.slurm], `more` what stands behind it."""
        self.server, self.cluster = os.path.realpath(server), cluster
        # Gone with the cluster, should this program be killed.
        self.folder = tempfile.mkdtemp(prefix="front-", dir=cluster.folder)
        os.chmod(self.folder, 0o755)
        self.address = f"127.0.0.1:{free_port()}"
        self.process = None
        with open(self.path("quintet.toml"), "w", encoding="utf-8") as file:
            file.write(f"""
[engine]
kind = "slurm"

[engine.slurm]
endpoints = {json.dumps(endpoints or cluster.urls())}
{identity}
{settings}
{more}
""")

    def path(self, name):
        return os.path.join(self.folder, name)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        self.end(signal.SIGTERM)
        if kind:
            print("\n".join(read(self.path("log")).splitlines()[-20:]), flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        """Starts it and waits until it listens."""
        with open(self.path("log"), "ab") as log, open(self.path("said"), "wb") as said:
            # Where this program is killed, so is the service.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", self.server, "serve", "--config", self.path("quintet.toml"),
                 "--state", self.path("state"), "--listen", self.address],
                stdin=subprocess.DEVNULL, stdout=said, stderr=log)
        end = time.monotonic() + 120
        while "listening on" not in read(self.path("said")):
            if self.process.poll() is not None or time.monotonic() > end:
                raise Broken(f"our service did not start:\n{read(self.path('log'))[-4000:]}")
            time.sleep(0.02)

    def end(self, number):
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def door(self, user="alice", patience=30, seconds=86400):
        return Door(self.address, user, self.cluster.token(user, seconds), patience)

    def token(self, user, *words):
        """A credential of the service's own, as `quintet token` makes it."""
        command = [self.server, "token", user, *words, "--state", self.path("state")]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout.strip()


def free_port():
    """A port below those that the kernel gives to outgoing connections: it stays free while we are killed."""
    while True:
        port = random.randrange(12000, 20000)
        if is_free(port):
            return port
