"""Records everything that a broker sends, over TLS with a client certificate, and misses nothing when the broker dies.

    record.py --port P --ca PEM --certificate PEM --key PEM --out FILE

Subscribes `#` with QoS 1 and one lasting session, and writes each message as a JSON line
{"topic", "payload", "received_ms"}; the payload is text.

A client library gives up a connection at the first failed write and with it what was received and not yet read. Here a
failed acknowledgement never ends the reading: the connection is read to its end, so that whatever the broker had handed
to the operating system before it was killed is recorded. A message that is not acknowledged comes again, never less.
"""

import argparse
import json
import signal
import socket
import ssl
import struct
import sys
import time

CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 1.0
RETRY_S = 0.1
KEEP_ALIVE_S = 30
CLIENT_ID = b"recorder"


def text(raw):
    return struct.pack("!H", len(raw)) + raw


def packet(kind, body):
    length, size = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        size.append(digit | (128 if length else 0))
        if not length:
            return bytes([kind]) + bytes(size) + body


def take(buffer):
    """The first whole packet of a buffer as (first byte, body), removed from it; None when it is not complete."""
    length, shift = 0, 0
    for index in range(1, 5):
        if index >= len(buffer):
            return None
        length |= (buffer[index] & 127) << shift
        shift += 7
        if not buffer[index] & 128:
            break
    end = index + 1 + length
    if len(buffer) < end:
        return None
    first, body = buffer[0], bytes(buffer[index + 1:end])
    del buffer[:end]
    return first, body


class Connection:
    """One connection to the broker, from CONNECT until the last byte it sent was read."""

    def __init__(self, arguments, out):
        context = ssl.create_default_context(cafile=arguments.ca)
        context.load_cert_chain(arguments.certificate, arguments.key)
        raw = socket.create_connection(("127.0.0.1", arguments.port), CONNECT_TIMEOUT_S)
        self.stream = context.wrap_socket(raw, server_hostname="127.0.0.1")
        self.stream.settimeout(READ_TIMEOUT_S)
        self.out = out
        self.buffer = bytearray()
        self.last_sent = time.monotonic()
        lasting = b"\x00"  # clean session off: the broker queues for this client while it is away
        self.send(packet(0x10, text(b"MQTT") + b"\x04" + lasting + struct.pack("!H", KEEP_ALIVE_S) + text(CLIENT_ID)))

    def send(self, data):
        """Sends if it can; a peer that is gone is noticed by reading only."""
        self.last_sent = time.monotonic()
        try:
            self.stream.sendall(data)
        except (OSError, ssl.SSLError):
            pass

    def run(self):
        while self.read():
            while (whole := take(self.buffer)) is not None:
                self.handle(*whole)
            self.out.flush()
            if time.monotonic() - self.last_sent > KEEP_ALIVE_S / 3:
                self.send(packet(0xC0, b""))

    def read(self):
        """Waits a while for bytes; False at the end of the connection."""
        try:
            data = self.stream.recv(1 << 16)
        except TimeoutError:
            return True
        except (OSError, ssl.SSLError):
            return False
        self.buffer += data
        return bool(data)

    def handle(self, first, body):
        kind = first >> 4
        if kind == 2:  # CONNACK
            if body[1]:
                sys.exit(f"the broker refused the recorder: {body[1]}")
            print("connected", flush=True)
            self.send(packet(0x82, b"\x00\x01" + text(b"#") + b"\x01"))
        elif kind == 9:  # SUBACK
            print("subscribed", flush=True)
        elif kind == 3:  # PUBLISH
            end = 2 + struct.unpack_from("!H", body)[0]
            qos = first >> 1 & 3
            self.record(body[2:end], body[end + 2 * (qos > 0):])
            if qos:
                self.send(packet(0x40, body[end:end + 2]))

    def record(self, topic, payload):
        line = {"topic": topic.decode(), "payload": payload.decode(), "received_ms": time.time_ns() // 1_000_000}
        self.out.write(json.dumps(line) + "\n")


def main(arguments):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with open(arguments.out, "a", encoding="utf-8") as out:
        while True:
            try:
                Connection(arguments, out).run()
            except (OSError, ssl.SSLError):
                pass  # the broker is down
            print("disconnected", flush=True)
            time.sleep(RETRY_S)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    for name in ("ca", "certificate", "key", "out"):
        parser.add_argument(f"--{name}", required=True)
    main(parser.parse_args())
