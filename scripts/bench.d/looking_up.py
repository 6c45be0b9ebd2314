"""Does every look-up of a captured host pass through Envoy, and is each answered?

Inside a world (test-env/playground): a real Envoy answers some names itself and asks a DNS server on another host for the
others. A service looks names up at a steady rate, over UDP by both families, each from a socket of its own as libraries do
or from one that it keeps as resolvers do, and over TCP. Meanwhile the plan changes, so that the rules do. A rule behind every other counts what leaves the host for
a DNS server and is not Envoy's: that must be nothing. Every look-up must have its answer within a second, and those
of names that Envoy alone knows show that it was Envoy who answered.
"""

import argparse
import asyncio
import os
import pwd
import random
import select
import socket
import statistics
import struct
import subprocess
import sys
import time

SERVERS = ("10.99.0.1", "fd99::1")
WITHIN = 1.0
CHANGE_EVERY = 2.0
COUNTING = """
table inet past_envoy {
  counter queries { }
  chain out {
    type filter hook postrouting priority 300; policy accept;
    oifname "eth0" meta l4proto { tcp, udp } th dport 53 meta skuid != envoy counter name queries
  }
}
"""


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"bench: {' '.join(command)} ended with {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


def prepare(checkout):
    with open("/etc/resolv.conf", "w", encoding="utf-8") as file:
        file.writelines(f"nameserver {server}\n" for server in SERVERS)
    names = ["ip", "netns", "exec", "upstream", "/usr/bin/python3", "-B", f"{checkout}/test-env/upstream/names.py"]
    server = subprocess.Popen([*names, *SERVERS], stdout=subprocess.PIPE, text=True)
    line = server.stdout.readline()
    if line != "ready\n":
        sys.exit(f"bench: the DNS server did not start: {line}")
    log = open("/run/queries", "w", encoding="utf-8")
    subprocess.Popen(["cat"], stdin=server.stdout, stdout=log)
    output(f"{checkout}/test-env/envoy/stop")
    output(f"{checkout}/test-env/envoy/start", "/run/envoy/envoy", envoy_configuration())
    subprocess.run(["nft", "-f", "-"], input=COUNTING, text=True, check=True)
    if asyncio.run(alone()) != "10.98.0.7" or past_envoy() != 1:
        sys.exit("bench: a look-up that does not pass through Envoy is not counted")
    output("nft", "reset", "counter", "inet", "past_envoy", "queries")
    print(apply(0), end="")


def envoy_configuration():
    """What is printed for the plan, with a name that Envoy alone knows."""
    with open("/run/plan.yaml", "w", encoding="utf-8") as file:
        file.write('version: 1\nenvoy: {user: envoy, dns: 15053, admin: "127.0.0.1:9901"}\nservices: {any: {}}\n')
    printed = output("meshcapture", "envoy-config", "-f", "/run/plan.yaml")
    table = "virtual_domains: [{name: orders.mesh, endpoint: {address_list: {address: [10.96.0.1, 'fd96::1']}}}]"
    with open("/run/envoy/bench.yaml", "w", encoding="utf-8") as file:
        file.write(printed.replace("inline_dns_table: {}", f"inline_dns_table: {{{table}}}"))
    return "/run/envoy/bench.yaml"


def apply(change):
    """The plan, or one that differs, so that the rules change places; DNS is captured by both."""
    udp443, services = (("bypass", ""), ("reject", ", ledger: {from: {user: ledger}}"))[change % 2]
    with open("/run/plan.yaml", "w", encoding="utf-8") as file:
        file.write(
            "version: 1\nenvoy: {user: envoy, dns: 15053}\n"
            f"udp443: {udp443}\nservices: {{orders: {{from: {{user: orders}}}}{services}}}\n"
        )
    return output("meshcapture", "apply", "-f", "/run/plan.yaml")


def past_envoy():
    listed = output("nft", "list", "counter", "inet", "past_envoy", "queries")
    return int(listed.split("packets ")[1].split()[0])


async def alone():
    transport, protocol = await endpoint(SERVERS[0])
    try:
        return await ask(transport, protocol, "alone.upstream.test")
    finally:
        transport.close()


def query(identity, name):
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return struct.pack("!HHHHHH", identity, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)


def address(answer):
    code, answers = answer[3] & 15, int.from_bytes(answer[6:8])
    return socket.inet_ntoa(answer[-4:]) if code == 0 and answers == 1 else f"code {code}, {answers} answers"


class Waiting(asyncio.DatagramProtocol):
    """One socket, connected as that of a library, and the look-ups on it that wait."""

    def __init__(self):
        self.waiting = {}

    def datagram_received(self, data, _):
        future = self.waiting.pop(int.from_bytes(data[:2]), None)
        if future and not future.done():
            future.set_result(data)

    def error_received(self, error):
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(error)


async def endpoint(server):
    loop = asyncio.get_running_loop()
    return await loop.create_datagram_endpoint(Waiting, remote_addr=(server, 53))


async def ask(transport, protocol, name):
    identity = random.randrange(65536)
    while identity in protocol.waiting:
        identity = random.randrange(65536)
    future = asyncio.get_running_loop().create_future()
    protocol.waiting[identity] = future
    transport.sendto(query(identity, name))
    return address(await asyncio.wait_for(future, WITHIN))


async def over_tcp(server, name):
    reader, writer = await asyncio.open_connection(server, 53)
    try:
        text = query(1, name)
        writer.write(len(text).to_bytes(2) + text)
        length = int.from_bytes(await asyncio.wait_for(reader.readexactly(2), WITHIN))
        return address(await asyncio.wait_for(reader.readexactly(length), WITHIN))
    finally:
        writer.close()


class Count:
    def __init__(self):
        self.took, self.failed, self.wrong = [], [], []


async def look_up(number, kept, count):
    server = SERVERS[number % 2]
    kind = number // 2 % 10
    envoys_own = kind in (1, 3, 5)
    name = "orders.mesh" if envoys_own else f"n{number}.upstream.test"
    start = time.perf_counter()
    try:
        if kind == 9:
            said = await over_tcp(server, name)
        elif kind < 4:
            said = await ask(*kept[number % 2], name)
        else:
            transport, protocol = await endpoint(server)
            try:
                said = await ask(transport, protocol, name)
            finally:
                transport.close()
        count.took.append((time.perf_counter() - start) * 1e3)
        if said != ("10.96.0.1" if envoys_own else "10.98.0.7"):
            count.wrong.append((name, said))
    except Exception as error:  # whatever it was, there is no answer
        count.failed.append(f"{name} of {server}: {error!r}")


async def run(rate, seconds):
    kept = [await endpoint(server) for server in SERVERS]
    count = Count()
    tasks = set()
    begun = time.perf_counter()
    for number in range(rate * seconds):
        wait = begun + number / rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(look_up(number, kept, count))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    took = time.perf_counter() - begun
    await asyncio.gather(*tasks)
    return count, took


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench dns")
    parser.add_argument("checkout", help=argparse.SUPPRESS)
    parser.add_argument("--rate", type=int, default=1000, help="look-ups a second (default: 1000)")
    parser.add_argument("--seconds", type=int, default=20)
    asked = parser.parse_args()
    prepare(asked.checkout)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # as the service
        orders = pwd.getpwnam("orders")
        os.setgid(orders.pw_gid)
        os.setuid(orders.pw_uid)
        count, took = asyncio.run(run(asked.rate, asked.seconds))
        for failure in (count.failed + [f"{name}: {said}" for name, said in count.wrong])[:5]:
            print(f"  {failure}")
        count.took.sort()
        print(
            f"{asked.rate * asked.seconds} look-ups in {took:.1f} s: {len(count.failed)} lost, {len(count.wrong)} wrong;"
            f" median {statistics.median(count.took):.1f} ms, 99 of 100 within"
            f" {count.took[len(count.took) * 99 // 100]:.1f} ms",
            flush=True,
        )
        os.write(writing, b"1" if count.failed or count.wrong else b"0")
        os._exit(0)
    os.close(writing)
    changes = 0
    while not select.select([reading], [], [], CHANGE_EVERY)[0]:
        changes += 1
        apply(changes)
    broken = os.read(reading, 1) != b"0"
    os.waitpid(child, 0)
    past = past_envoy()
    print(f"past Envoy: {past} packets; the plan changed {changes} times meanwhile")
    print(output("meshcapture", "check", "-f", "/run/plan.yaml"), end="")
    sys.exit(1 if broken or past else 0)


main()
