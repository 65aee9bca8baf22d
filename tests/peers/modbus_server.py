"""A pymodbus server whose registers count how often they were read.

    modbus_server.py --port P --units U --tags N --counts FILE

Unit u (from 1) holds tags 0..N as unsigned 32-bit values in holding registers 2t and 2t + 1, high word first. Every read
answers `reads * 1000 + tag`: no two polls of a tag ever see the same value, so that a receiver can tell exactly which
polls reached it. At SIGTERM the counts go to FILE as {"m<unit>.v<tag>": reads}.
"""

import argparse
import asyncio
import functools
import json
import signal

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice


async def count_read(reads, _function, start, address, count, registers, written):
    if written is not None:
        return
    for tag in range(address // 2, (address + count) // 2):
        reads[tag] += 1
        value = reads[tag] * 1000 + tag
        registers[2 * tag - start], registers[2 * tag + 1 - start] = value >> 16, value & 0xFFFF


def device(unit, reads):
    block = SimData(0, values=0, count=2 * len(reads), datatype=DataType.REGISTERS)
    return SimDevice(unit, simdata=[block], action=functools.partial(count_read, reads))


async def serve(arguments):
    units = {unit: [0] * arguments.tags for unit in range(1, arguments.units + 1)}
    server = ModbusTcpServer([device(unit, reads) for unit, reads in units.items()],
                             address=("127.0.0.1", arguments.port))
    await server.serve_forever(background=True)
    print("ready", flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    counts = {f"m{unit}.v{tag}": count for unit, reads in units.items() for tag, count in enumerate(reads)}
    with open(arguments.counts, "w") as file:
        json.dump(counts, file)
    await server.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("port", "units", "tags"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--counts", required=True)
    asyncio.run(serve(parser.parse_args()))
