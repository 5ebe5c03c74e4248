#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A link with a delay and a rate between two network namespaces, packet by packet, for kernels without netem.

delay-link.py NETNS_A NETNS_B DELAY_MS MEGABITS: makes both namespaces with 10.77.0.1 in A and 10.77.0.2 in B, prints
"ready", ends with its standard input, however its user ended, and removes them. Each way has its own delay, rate and a queue of 1,000 packets, as netem's; packets are of
1,500 bytes, so that TCP starts slowly as it does on a real link. Needs root and /dev/net/tun.
"""
import collections
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
QUEUE_MAX, BATCH = 1000, 64


def open_tun(name, namespace, own, other):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    subprocess.run(["ip", "link", "set", name, "netns", namespace], check=True)
    for command in (f"link set {name} mtu 1500 txqueuelen 2000", f"address add {own} peer {other} dev {name}",
                    f"link set {name} up", "link set lo up"):
        subprocess.run(["ip", "-n", namespace, *command.split()], check=True)
    return fd


class Way:
    def __init__(self, source, target, delay, bytes_per_second):
        self.source, self.target, self.delay, self.rate = source, target, delay, bytes_per_second
        self.queue, self.free = collections.deque(), 0.0

    def take(self):
        """Reads what was sent; a full queue drops it."""
        for _ in range(BATCH):
            try:
                packet = os.read(self.source, 2048)
            except BlockingIOError:
                return
            if len(self.queue) >= QUEUE_MAX:
                continue
            self.free = max(self.free, time.monotonic()) + len(packet) / self.rate
            self.queue.append((self.free + self.delay, packet))

    def give(self):
        """Writes what is due; returns the time until the next packet is."""
        now = time.monotonic()
        while self.queue:
            due, packet = self.queue[0]
            if due > now:
                return due - now
            self.queue.popleft()
            try:
                os.write(self.target, packet)
            except BlockingIOError:
                pass
        return 1.0


def main():
    one, two, delay_ms, megabits = sys.argv[1:5]
    for name in (one, two):
        subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        carry(one, two, float(delay_ms) / 1000, float(megabits) * 1e6 / 8)
    finally:
        for name in (one, two):
            subprocess.run(["ip", "netns", "delete", name], check=False)


def carry(one, two, delay, rate):
    a = open_tun("ashlar-a", one, "10.77.0.1", "10.77.0.2")
    b = open_tun("ashlar-b", two, "10.77.0.2", "10.77.0.1")
    ways = {a: Way(a, b, delay, rate), b: Way(b, a, delay, rate)}
    print("ready", flush=True)
    while True:
        wait = min(way.give() for way in ways.values())
        ready, _, _ = select.select([a, b, 0], [], [], wait)
        if 0 in ready and not os.read(0, 1024):
            return
        for fd in ready:
            if fd in ways:
                ways[fd].take()


main()
