#!/usr/bin/env python3
"""The gateway against peers that were not written here: pymodbus, asyncua and mosquitto (see setup.sh).

    run.py [--modbus TAGS] [--opcua TAGS] [--seconds S] [--kills N] [--keep DIR] -- ANDON...

ANDON is the gateway's command, with whatever it needs in front (an emulator). Every tag is polled at 1 Hz and published
raw over MQTT with TLS and a client certificate, while the broker is killed (SIGKILL and SIGTERM in turn) and started
again. Then every value that a device served must have arrived exactly once after removing duplicates by record id:
`andon verify` must say so, and so must check.py from the devices' own numbering of their answers.
Exit code 0 when all of it held.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from check import Stream
from peers import HERE, PASSWORD, Broker, Failure, Process, Recorder, free_port, make_certificates, wait_for

TAGS_PER_UNIT = 100
DOWN_S = (2, 4, 6)
SETTLE_S = 6


class Run:
    def __init__(self, arguments, directory):
        self.arguments = arguments
        self.directory = directory
        self.certificates = directory / "certificates"
        self.config = directory / "andon.toml"
        self.password = directory / "opcua.password"
        self.password.write_text(PASSWORD)
        self.password.chmod(0o600)
        self.processes = []
        self.failed = 0
        self.passed = 0

    def note(self, held, text):
        print(f"{'ok    ' if held else 'FAILED'} {text}", flush=True)
        self.passed += held
        self.failed += not held

    def andon(self, *arguments, timeout_s=120):
        done = subprocess.run([*self.arguments.command, *map(str, arguments)], capture_output=True, text=True,
                              timeout=timeout_s)
        return done.returncode, done.stdout + done.stderr

    def start(self, name, *command):
        process = Process(name, command, self.directory)
        self.processes.append(process)
        return process

    def start_devices(self):
        self.modbus_port, self.opcua_port = free_port(), free_port()
        self.units = -(-self.arguments.modbus // TAGS_PER_UNIT)
        if self.units:
            self.start("modbus", sys.executable, HERE / "modbus_server.py", "--port", self.modbus_port, "--units",
                       self.units, "--tags", min(TAGS_PER_UNIT, self.arguments.modbus),
                       "--counts", self.directory / "modbus.json").wait_ready()
        if self.arguments.opcua:
            self.start("opcua", sys.executable, HERE / "opcua_server.py", "--port", self.opcua_port,
                       "--tags", self.arguments.opcua, "--certificate", self.certificates / "opcua.der",
                       "--key", self.certificates / "opcua.key", "--password-file", self.password,
                       "--counts", self.directory / "opcua.json").wait_ready()

    def write_config(self, broker):
        text = f"""\
[gateway]
id = "peers"
asset = "acme/lab"
data_dir = "{self.directory}/data"

[mqtt]
url = "mqtts://127.0.0.1:{broker.port}"
ca_file = "{self.certificates}/ca.pem"
client_cert_file = "{self.certificates}/gateway.pem"
client_key_file = "{self.certificates}/gateway.key"
health_interval = "5s"
"""
        (self.directory / "data").mkdir(mode=0o700)
        for unit in range(1, self.units + 1):
            text += f"""
[[device]]
name = "m{unit}"
driver = "modbus-tcp"
endpoint = "127.0.0.1:{self.modbus_port}"
unit = {unit}
timeout = "3s"
tags_csv = "modbus.csv"
"""
        if self.arguments.opcua:
            text += f"""
[[device]]
name = "o1"
driver = "opcua"
endpoint = "opc.tcp://127.0.0.1:{self.opcua_port}/"
security_policy = "Basic256Sha256"
security_mode = "SignAndEncrypt"
username = "operator"
password_file = "{self.password}"
timeout = "3s"
tags_csv = "opcua.csv"
"""
        self.config.write_text(text)
        rows = min(TAGS_PER_UNIT, self.arguments.modbus)
        (self.directory / "modbus.csv").write_text("name,address,type,rate,raw,summary\n" + "".join(
            f"v{tag},holding:{2 * tag},u32,1s,all,off\n" for tag in range(rows)))
        (self.directory / "opcua.csv").write_text("name,address,rate,raw,summary\n" + "".join(
            f"v{tag},nsu=urn:peer;s=v{tag},1s,all,off\n" for tag in range(self.arguments.opcua)))

    def commission(self):
        """Trust is given by a person: until then the server's certificate is refused, and by name."""
        code, output = self.andon("check", "-c", self.config, "--live")
        if self.arguments.opcua:
            self.note(code == 2 and "certificate" in output.lower(),
                      f"check --live refuses the unknown OPC UA certificate (exit {code})")
            code, output = self.andon("opcua", "trust", "-c", self.config, "o1")
            self.note(code == 0, f"opcua trust accepts it (exit {code})")
            code, output = self.andon("check", "-c", self.config, "--live")
        self.note(code == 0, f"check --live finds every device and tag working (exit {code})")
        if code:
            raise Failure(f"check --live:\n{output[:2000]}")

    def churn(self, broker, recorder, gateway):
        """Ends and starts the broker, evenly over the time, never before the recorder is safely connected."""
        begin = time.monotonic()
        for number in range(self.arguments.kills):
            due = begin + (number + 1) * self.arguments.seconds / (self.arguments.kills + 1)
            time.sleep(max(0.0, due - time.monotonic()))
            wait_for("the recorder is connected", lambda: recorder.connected_for_s(5))
            how = (signal.SIGKILL, signal.SIGTERM)[number % 2]
            broker.kill(how)
            down_s = DOWN_S[number % len(DOWN_S)]
            print(f"       broker ended by {how.name}, down for {down_s} s", flush=True)
            time.sleep(down_s)
            broker.start()
        time.sleep(max(0.0, begin + self.arguments.seconds - time.monotonic()))
        wait_for("the recorder is connected", lambda: recorder.connected_for_s(SETTLE_S))
        self.note(gateway.running(), "the gateway is still running")

    def stop_gateway(self, gateway, recorder):
        usage = Path(f"/proc/{gateway.child.pid}/status").read_text() if gateway.running() else ""
        rss = next((line.split()[1] for line in usage.splitlines() if line.startswith("VmHWM")), "?")
        ticks = Path(f"/proc/{gateway.child.pid}/stat").read_text().rsplit(")", 1)[1].split() if usage else [0] * 14
        cpu = (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")
        code = gateway.stop()
        self.note(code == 0, f"the gateway stops in order at SIGTERM (exit {code})")
        recorder.wait_quiet(2)
        print(f"       gateway: {cpu:.1f} s of CPU, at most {rss} kB resident")
        code, output = self.andon("buffer", "status", "-c", self.config, "--json")
        print(f"       buffer status (exit {code}): {output.strip()[:400]}")

    def check(self, recorder):
        code, output = self.andon("verify", recorder.out)
        self.note(code == 0, f"andon verify: the stream is complete (exit {code})")
        print("       " + output.strip()[:1500].replace("\n", "\n       "))
        served = {}
        for name in ("modbus.json", "opcua.json"):
            if (self.directory / name).exists():
                served |= json.loads((self.directory / name).read_text())
        stream = Stream(recorder.out)
        stream.check_polls(served)
        for fault in stream.faults[:10]:
            print(f"       {fault}")
        self.note(not stream.faults, f"every poll that the devices served arrived once: {stream.values()} values of "
                  f"{len(served)} tags, {len(stream.faults)} faults")
        self.note(stream.values() >= 0.95 * self.arguments.seconds * len(served),
                  f"every tag was polled at 1 Hz: {stream.values() / max(1, len(served)):.1f} values per tag in "
                  f"{self.arguments.seconds} s")
        print(f"       {stream.messages} raw messages, {stream.duplicates} duplicates, {sum(stream.bad.values())} "
              f"values not good")
        for prefix, name in (("m", "Modbus"), ("o", "OPC UA")):
            if jitter := stream.jitter_ms(prefix, 1.0):
                print(f"       poll jitter {name}: p50 {jitter[0]} ms, p99 {jitter[1]} ms, max {jitter[2]} ms")
        if stream.health:
            print(f"       last health: {json.dumps(stream.health)[:600]}")

    def run(self):
        make_certificates(self.certificates)
        broker = Broker(self.directory, self.certificates)
        broker.start()
        recorder = Recorder(self.directory, self.certificates, broker.port)
        gateway = None
        try:
            wait_for("the recorder is connected", lambda: recorder.connected_for_s(0))
            self.start_devices()
            self.write_config(broker)
            self.commission()
            gateway = self.start("gateway", *self.arguments.command, "run", "-c", self.config)
            wait_for("the first value arrives",
                     lambda: "/_raw/" in recorder.out.read_text() or not gateway.running(), 60)
            if not gateway.running():
                raise Failure(f"the gateway ended:\n{gateway.tail()}")
            self.churn(broker, recorder, gateway)
            self.stop_gateway(gateway, recorder)
            for process in self.processes:
                process.stop()
            self.check(recorder)
        finally:
            for process in self.processes:
                if process.running():
                    process.child.kill()
            recorder.stop()
            broker.kill(signal.SIGTERM)
            if self.failed and gateway:
                print(f"--- gateway\n{gateway.tail()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modbus", type=int, default=500)
    parser.add_argument("--opcua", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="work in this directory and leave it there")
    parser.add_argument("command", nargs="+", metavar="ANDON")
    arguments = parser.parse_args()
    directory = arguments.keep or Path(tempfile.mkdtemp(prefix="andon-peers-"))
    directory.mkdir(exist_ok=True)
    run = Run(arguments, directory.resolve())
    try:
        run.run()
    except (Failure, subprocess.TimeoutExpired) as failure:
        run.note(False, str(failure))
    finally:
        if not arguments.keep:
            shutil.rmtree(directory, ignore_errors=True)
    print(f"peers: {run.passed} passed, {run.failed} failed")
    return 1 if run.failed or not run.passed else 0


if __name__ == "__main__":
    sys.exit(main())
