"""An asyncua server whose variables count how often they were read.

    opcua_server.py --port P --tags N --certificate DER --key PEM --password-file FILE --counts FILE

Basic256Sha256 with SignAndEncrypt, and a user with a password: nothing else gets in. Variable `nsu=urn:peer;s=v<tag>`
is a Double; every read answers `reads * 1000 + tag` (see modbus_server.py). At SIGTERM the counts go to FILE.
"""

import argparse
import asyncio
import json
import signal
from datetime import datetime, timezone
from pathlib import Path

from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole

NAMESPACE = "urn:peer"
USER = "operator"


class OneUser:
    def __init__(self, password):
        self.password = password

    def get_user(self, _server, username=None, password=None, certificate=None):
        if username == USER and password == self.password:
            return User(role=UserRole.User, name=username)
        return None


def counter(reads, tag):
    def read(_node, _attribute):
        reads[tag] += 1
        now = datetime.now(timezone.utc)
        return ua.DataValue(ua.Variant(float(reads[tag] * 1000 + tag), ua.VariantType.Double),
                            SourceTimestamp=now, ServerTimestamp=now)
    return read


async def make(arguments):
    server = Server(user_manager=OneUser(Path(arguments.password_file).read_text().strip()))
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{arguments.port}/")
    await server.set_application_uri("urn:peer:server")
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    server.set_identity_tokens([ua.UserNameIdentityToken])
    await server.load_certificate(arguments.certificate, format="DER")
    await server.load_private_key(arguments.key, format="PEM")
    return server


async def serve(arguments):
    server = await make(arguments)
    index = await server.register_namespace(NAMESPACE)
    folder = await server.nodes.objects.add_folder(index, "Plant")
    reads = [0] * arguments.tags
    for tag in range(arguments.tags):
        node = await folder.add_variable(ua.NodeId(f"v{tag}", index), f"v{tag}", 0.0)
        server.set_attribute_value_callback(node.nodeid, counter(reads, tag), ua.AttributeIds.Value)
    reads[:] = [0] * arguments.tags
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with server:
        print("ready", flush=True)
        await stop.wait()
        counts = {f"o1.v{tag}": count for tag, count in enumerate(reads)}
        Path(arguments.counts).write_text(json.dumps(counts))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("port", "tags"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("certificate", "key", "password-file", "counts"):
        parser.add_argument(f"--{name}", required=True)
    asyncio.run(serve(parser.parse_args()))
