#!/usr/bin/env python3
"""Checks the lock file against `.deny.toml` without any tool to install: licences, bans, sources.

`cargo deny` is the full tool; it takes minutes to build and a data base from the network, so that it is for those who
have it. This reads the same file and asks `cargo metadata` only. On top it holds what `cargo deny` cannot say:

* the gateway's own tree has one rustls, and one crate that compiles C (ring) beside the gateway's own src/heap.c;
* the simulator, its broker and the OPC UA server are not in it.

Security advisories are NOT checked here, and the last line says so.
"""

import json
import re
import subprocess
import sys
import tomllib

GATEWAY = "andon"
NOT_IN_GATEWAY = {
    "hal-sim": "the simulator shares no code with the gateway",
    "rumqttd": "the broker belongs to the simulator",
    "async-opcua-server": "its address space weighs 25 MB",
}
COMPILES_C = {"cc", "cmake", "bindgen", "pkg-config"}
MAY_COMPILE_C = {"ring", GATEWAY}
TARGETS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "armv7-unknown-linux-gnueabihf"]


def metadata():
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--all-features"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def satisfied(expression, allowed):
    """Whether an SPDX expression can be met with the allowed licences. `/` is the old way to write OR."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def either():
        result = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            result = both() or result
        return result

    def both():
        result = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            result = one() and result
        return result

    def one():
        token = tokens.pop(0)
        if token == "(":
            result = either()
            tokens.pop(0)
            return result
        if tokens and tokens[0] == "WITH":
            tokens.pop(0)
            token = f"{token} WITH {tokens.pop(0)}"
        return token in allowed

    return either()


def licence_faults(packages, rules):
    allowed = set(rules["allow"])
    exceptions = {rule["crate"]: set(rule["allow"]) for rule in rules["exceptions"]}
    for package in packages:
        name, expression = package["name"], package["license"]
        if package["source"] is None and package["publish"] == []:
            continue  # our own, never published
        if not expression:
            yield f"{name} {package['version']} names no licence"
        elif not satisfied(expression, allowed | exceptions.get(name, set())):
            yield f"{name} {package['version']} is under `{expression}`, which .deny.toml does not allow"
    for name in sorted(set(exceptions) - {package["name"] for package in packages}):
        yield f"the licence exception for {name} is not needed any more"


def ban_faults(packages, rules):
    denied = {rule["crate"]: rule["reason"] for rule in rules["deny"]}
    for package in packages:
        if package["name"] in denied:
            yield f"{package['name']} {package['version']} is banned: {denied[package['name']]}"
        for dependency in package["dependencies"] if package["source"] is None else []:
            if dependency["req"] == "*" and not dependency.get("path"):
                yield f"{package['name']} asks for any version of {dependency['name']}"


def source_faults(packages):
    sources = {package["source"] for package in packages if package["source"]}
    for source in sources:
        if not source.startswith("registry+"):
            yield f"{source} is not a registry"
    if len(sources) > 1:
        yield f"more than one registry: {', '.join(sorted(sources))}"


def tree(target, kinds):
    """What the gateway's release build takes for a target: name -> (versions, names of direct dependencies).

    `cargo tree` and not `cargo metadata`: only the former leaves out what tests and the simulator switch on.
    """
    command = ["cargo", "tree", "--locked", "--package", GATEWAY, "--edges", kinds, "--target", target,
               "--prefix", "depth", "--no-dedupe", "--format", " {p}"]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    versions, below, path = {}, {}, []
    for line in output.splitlines():
        depth, name, version, *_ = line.split()
        del path[int(depth):]
        if path:
            below[path[-1]].add(name)
        path.append(name)
        versions.setdefault(name, set()).add(version)
        below.setdefault(name, set())
    return versions, below


def gateway_faults(target):
    versions, _ = tree(target, "normal")
    for name, reason in NOT_IN_GATEWAY.items():
        if name in versions:
            yield f"{target}: the gateway links {name}: {reason}"
    if len(versions["rustls"]) != 1:
        yield f"{target}: the gateway links several versions of rustls: {', '.join(versions['rustls'])}"
    _, below = tree(target, "normal,build")
    for name, dependencies in below.items():
        wanted = COMPILES_C & dependencies
        if wanted and name not in MAY_COMPILE_C:
            yield f"{target}: {name} compiles or links C ({', '.join(sorted(wanted))}); only {', '.join(sorted(MAY_COMPILE_C))} may"


def main():
    with open(".deny.toml", "rb") as file:
        rules = tomllib.load(file)
    data = metadata()
    packages = data["packages"]
    faults = [
        *licence_faults(packages, rules["licenses"]),
        *ban_faults(packages, rules["bans"]),
        *source_faults(packages),
        *(fault for target in TARGETS for fault in gateway_faults(target)),
    ]
    for fault in faults:
        print(f"FAILED: {fault}", file=sys.stderr)
    linked = len(tree(TARGETS[0], "normal")[0])
    print(f"licences, bans and sources: {len(packages)} crates ({linked} in the gateway), {len(faults)} faults")
    print(f"advisories: NOT checked ({len(rules['advisories']['ignore'])} known ones are explained in .deny.toml); "
          "where the data base can be reached run `cargo deny check advisories`")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
