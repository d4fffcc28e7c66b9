"""TLS in front of a daemon that speaks none: authorities and certificates made for a trial, and a proxy that shows them.

Certificates are made by openssl's command.
"""

import asyncio
import logging
import os
import ssl
import subprocess
import threading

CONFIGURATION = """
[req]
distinguished_name = name
prompt = no
[name]
CN = testbed
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[server]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = {names}
"""


# A hand that is not taken is what is tried here, and nothing to be told of.
logging.getLogger("asyncio").setLevel(logging.CRITICAL)


class Authority:
    """Somebody who signs certificates; `file` is what those are given who shall trust it."""

    def __init__(self, folder):
        os.makedirs(folder)
        self.folder, self.file = folder, os.path.join(folder, "authority.pem")
        self.made = 0
        with open(self.path("authority.cnf"), "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(names="DNS:nobody"))
        openssl("req", "-x509", *KEY, "-keyout", self.path("authority.key"), "-out", self.file, "-days", "2",
                "-config", self.path("authority.cnf"), "-extensions", "authority")

    def path(self, name):
        return os.path.join(self.folder, name)

    def certify(self, names="IP:127.0.0.1", days=2):
        """Makes a certificate for these names and returns the files of it and its key; of no days it has ended in a second."""
        self.made += 1
        stem = self.path(f"server-{self.made}")
        with open(f"{stem}.cnf", "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(names=names))
        openssl("req", "-new", *KEY, "-keyout", f"{stem}.key", "-out", f"{stem}.csr", "-config", f"{stem}.cnf")
        openssl("x509", "-req", "-in", f"{stem}.csr", "-out", f"{stem}.pem", "-CA", self.file, "-CAkey",
                self.path("authority.key"), "-CAcreateserial", "-days", str(days), "-extfile", f"{stem}.cnf", "-extensions", "server")
        return f"{stem}.pem", f"{stem}.key"


KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdin=subprocess.DEVNULL, capture_output=True)


class Proxy:
    """Shows a certificate and hands on what it is then told, to `http://HOST:PORT`; `heard` counts these bytes."""

    def __init__(self, behind, certificate):
        self.host, _, port = behind.removeprefix("http://").partition(":")
        self.port, self.heard, self.shook_hands = int(port), 0, 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        serving = asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=self.context)
        self.server = asyncio.run_coroutine_threadsafe(serving, self.loop).result(30)
        self.url = f"https://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.server.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(30)

    async def serve(self, reader, writer):
        self.shook_hands += 1
        there = None
        try:
            there_reader, there = await asyncio.open_connection(self.host, self.port)
            await asyncio.wait(
                [asyncio.ensure_future(self.pump(reader, there, is_heard=True)),
                 asyncio.ensure_future(self.pump(there_reader, writer))],
                return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass  # Whoever asked sees that his connection ends.
        finally:
            for each in (writer, there):
                if each is not None:
                    each.close()

    async def pump(self, reader, writer, is_heard=False):
        try:
            while piece := await reader.read(1 << 16):
                self.heard += len(piece) if is_heard else 0
                writer.write(piece)
                await writer.drain()
        except (OSError, ssl.SSLError):
            pass
