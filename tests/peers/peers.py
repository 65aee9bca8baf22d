"""The processes around the gateway: broker, devices, recorder, and the certificates they need."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
READY_TIMEOUT_S = 30
PASSWORD = "correct-horse-battery"


class Failure(Exception):
    """The set-up or a step did not work; the text says which."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, timeout_s=READY_TIMEOUT_S):
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {timeout_s} s")
        time.sleep(0.05)


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_certificates(directory):
    """One authority for MQTT with a broker's and two clients' certificates; a self-signed one for the OPC UA server."""
    directory.mkdir()
    key = ("-newkey", "rsa:2048", "-nodes", "-days", "30")
    openssl("req", "-x509", *key, "-subj", "/CN=Test authority", "-addext", "basicConstraints=critical,CA:TRUE",
            "-keyout", directory / "ca.key", "-out", directory / "ca.pem")
    for name, extension in (("broker", "subjectAltName=IP:127.0.0.1"), ("gateway", "extendedKeyUsage=clientAuth"),
                            ("recorder", "extendedKeyUsage=clientAuth")):
        (directory / "extension").write_text(extension)
        openssl("req", *key, "-subj", f"/CN={name}", "-keyout", directory / f"{name}.key",
                "-out", directory / f"{name}.csr")
        openssl("x509", "-req", "-in", directory / f"{name}.csr", "-CA", directory / "ca.pem",
                "-CAkey", directory / "ca.key", "-CAcreateserial", "-days", "30",
                "-extfile", directory / "extension", "-out", directory / f"{name}.pem")
    openssl("req", "-x509", *key, "-subj", "/CN=Peer OPC UA server", "-outform", "DER",
            "-addext", "subjectAltName=URI:urn:peer:server,IP:127.0.0.1,DNS:localhost",
            "-addext", "keyUsage=digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment,keyCertSign",
            "-addext", "extendedKeyUsage=serverAuth,clientAuth",
            "-keyout", directory / "opcua.key", "-out", directory / "opcua.der")
    for private in directory.glob("*.key"):
        private.chmod(0o600)


class Process:
    """A child process with its output in a file; `lines` counts what it has printed."""

    def __init__(self, name, command, directory):
        self.name = name
        self.log = directory / f"{name}.log"
        self.out = open(self.log, "ab")
        self.child = subprocess.Popen([*map(str, command)], stdout=self.out, stderr=self.out)

    def count(self, line):
        return self.log.read_text(errors="replace").splitlines().count(line)

    def running(self):
        return self.child.poll() is None

    def wait_ready(self):
        wait_for(f"{self.name} is ready", lambda: self.count("ready") or not self.running())
        if not self.running():
            raise Failure(f"{self.name} ended: {self.tail()}")

    def stop(self, how=signal.SIGTERM, timeout_s=30):
        if self.running():
            self.child.send_signal(how)
        try:
            return self.child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise Failure(f"{self.name} did not stop within {timeout_s} s") from None

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


class Broker:
    """mosquitto with TLS, client certificates and a store on disk.

    It acknowledges a message before it is on disk. So that a SIGKILL loses nothing that it has acknowledged, it hands
    every message to the connected recorder first (no limit on messages in flight, nothing queued behind them), and the
    run kills it only when the recorder has been connected for a while: then the subscription is on disk as well
    (saved every second), and what is on its way is in the recorder's socket, which outlives the broker.
    """

    def __init__(self, directory, certificates):
        self.port = free_port()
        self.directory = directory
        self.config = directory / "mosquitto.conf"
        store = directory / "mosquitto"
        store.mkdir()
        self.config.write_text(f"""\
listener {self.port} 127.0.0.1
cafile {certificates}/ca.pem
certfile {certificates}/broker.pem
keyfile {certificates}/broker.key
require_certificate true
use_identity_as_username true
allow_anonymous false
persistence true
persistence_location {store}/
autosave_interval 1
max_inflight_messages 0
max_queued_messages 0
user {os.environ.get("USER", "root")}
log_dest stdout
log_type error
log_type warning
log_type notice
""")
        self.process = None

    def start(self):
        self.process = Process("broker", ["/usr/sbin/mosquitto", "-c", self.config], self.directory)
        wait_for("the broker accepts", lambda: accepts(self.port) or not self.process.running())
        if not self.process.running():
            raise Failure(f"the broker ended: {self.process.tail()}")

    def kill(self, how):
        self.process.child.send_signal(how)
        self.process.child.wait(30)


class Recorder:
    """record.py, and for how long it has been connected."""

    def __init__(self, directory, certificates, port):
        self.out = directory / "recording.jsonl"
        self.out.touch()
        self.connected_since = None
        command = [sys.executable, HERE / "record.py", "--port", port, "--ca", certificates / "ca.pem",
                   "--certificate", certificates / "recorder.pem", "--key", certificates / "recorder.key",
                   "--out", self.out]
        self.child = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        for line in self.child.stdout:
            if line == "subscribed\n":
                self.connected_since = time.monotonic()
            elif line == "disconnected\n":
                self.connected_since = None

    def connected_for_s(self, seconds):
        since = self.connected_since
        return since is not None and time.monotonic() - since >= seconds

    def wait_quiet(self, seconds):
        """Until nothing has come for a while; lasting heartbeats of the gateway end with the gateway."""
        wait_for("the stream falls silent", lambda: time.time() - self.out.stat().st_mtime > seconds, 60)

    def stop(self):
        self.child.terminate()
        self.child.wait(30)
