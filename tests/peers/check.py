"""Reads a recording independently of the gateway's own `verify`: every poll of every tag arrived exactly once.

The devices answer `reads * 1000 + tag` (modbus_server.py), so the polls of a tag are numbered by the device itself.
"""

import json
from collections import Counter, defaultdict
from datetime import datetime, timezone
from statistics import median


def time_s(text):
    """RFC 3339 with up to nine digits of a second -> (whole seconds, fraction)."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc).timestamp()
    return seconds + float(f"0.{fraction or 0}")


class Stream:
    """What a recording holds, without duplicates."""

    def __init__(self, path):
        self.faults = []
        self.messages = 0
        self.duplicates = 0
        self.bad = Counter()
        self.times = defaultdict(list)
        self.polls = defaultdict(list)
        self.health = None
        bodies = {}
        with open(path, encoding="utf-8") as file:
            for line in file:
                self.read(json.loads(line), bodies)

    def read(self, message, bodies):
        payload = message["payload"]
        if "/_health/" in message["topic"] and '"offline"' not in payload:
            self.health = json.loads(payload)
        if "/_raw/" not in message["topic"]:
            return
        record = json.loads(payload)
        self.messages += 1
        known = bodies.setdefault(record["id"], payload)
        if known is not payload:
            self.duplicates += 1
            if known != payload:
                self.faults.append(f"record {record['id']} came twice with different content")
            return
        for point in record["points"]:
            self.point(point)

    def point(self, point):
        tag = point["tag"]
        if point["quality"] != "good":
            self.bad[tag] += 1
            return
        poll, number = divmod(int(point["value"]), 1000)
        if number != int(tag.rsplit("v", 1)[1]):
            self.faults.append(f"{tag} has the value {point['value']} of another tag")
        self.polls[tag].append(poll)
        self.times[tag].append(time_s(point["time"]))

    def check_polls(self, served):
        """`served` is the devices' own count per tag; the last poll may still have been on its way at the end."""
        for tag, count in served.items():
            polls = self.polls.get(tag)
            if not polls:
                self.faults.append(f"{tag}: nothing arrived")
                continue
            twice = len(polls) - len(set(polls))
            missing = max(polls) - min(polls) + 1 - len(set(polls))
            if twice:
                self.faults.append(f"{tag}: {twice} polls arrived twice under different ids")
            if missing > self.bad[tag]:
                self.faults.append(f"{tag}: {missing} polls never arrived, {self.bad[tag]} reported as not good")
            if max(polls) < count - 1:
                self.faults.append(f"{tag}: the last polls are missing, {max(polls)} of {count}")
        for tag, times in self.times.items():
            if any(later <= earlier for earlier, later in zip(times, times[1:])):
                self.faults.append(f"{tag}: samples are out of order")

    def values(self):
        return sum(len(set(polls)) for polls in self.polls.values())

    def jitter_ms(self, prefix, period_s):
        """p50, p99 and largest distance of sample times from each tag's own fixed grid, in ms."""
        distances = []
        for tag, times in self.times.items():
            if tag.startswith(prefix):
                offsets = [time - times[0] - round((time - times[0]) / period_s) * period_s for time in times]
                middle = median(offsets)
                distances += [abs(offset - middle) * 1000 for offset in offsets]
        distances.sort()
        if not distances:
            return None
        return tuple(round(distances[min(len(distances) - 1, int(len(distances) * part))], 2) for part in (.5, .99, 1))
