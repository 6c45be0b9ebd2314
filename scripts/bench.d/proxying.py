"""What does capture add to a request that passes through Envoy?

The same client, wrk, asks the same server, an Envoy of its own that answers by itself, in three ways by turns: directly; captured,
through the Envoy that `meshcapture envoy-config` configures; and through that same Envoy named as a proxy, without capture. What
else runs on the machine changes the requests of a second, and hardly the processor time that client, Envoy and server take for one.
"""

import argparse
import glob
import os
import random
import re
import resource
import statistics
import subprocess
import sys

import measure
from measure import output

SERVER = "10.98.7.1"
HOST = "bench.test"
PLAN = f"""
version: 1
envoy: {{user: envoy, outbound: 15001, admin: "127.0.0.1:9901"}}
services:
  orders: {{from: {{user: orders}}}}
  bench: {{hosts: [{HOST}], instances: ["{SERVER}:7000"]}}
"""
UPSTREAM = """
static_resources:
  listeners:
    - name: answers
      address: { socket_address: { address: 0.0.0.0, port_value: 7000 } }
      filter_chains:
        - filters:
            - name: http
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: answers
                http_filters:
                  - name: router
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
                route_config:
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes: [{ match: { prefix: / }, direct_response: { status: 200, body: { inline_string: "well done" } } }]
"""
CAPTURED, NAMED = "captured, through Envoy", "Envoy named as proxy"
WAYS = {
    "direct": ("ledger", f"http://{SERVER}:7000/"),
    CAPTURED: ("orders", f"http://{SERVER}:7000/"),
    NAMED: ("ledger", "http://127.0.0.1:8000/"),
}


def write(file, text):
    with open(file, "w", encoding="utf-8") as out:
        out.write(text)
    return file


def prepare(checkout):
    """The server in `upstream`, the printed Envoy here, and the capture of one user."""
    output(f"{checkout}/test-env/envoy/stop")
    server = subprocess.Popen(
        ["ip", "netns", "exec", "upstream", "/run/envoy/envoy", "-c", write("/run/upstream.yaml", UPSTREAM),
         "--concurrency", "1", "--disable-hot-restart"],
        stdout=subprocess.DEVNULL, stderr=open("/run/upstream.log", "w", encoding="utf-8"))
    plan = write("/run/plan.yaml", PLAN)
    configuration = write("/run/envoy/bench.yaml", output("meshcapture", "envoy-config", "-f", plan))
    output(f"{checkout}/test-env/envoy/start", "/run/envoy/envoy", configuration)
    print(output("meshcapture", "apply", "-f", plan, "orders", "--wait-envoy", "10s"), end="")
    with open("/run/envoy/pid", encoding="ascii") as pid:
        return [server.pid, int(pid.read())]


def processor_time(envoys):
    """Nanoseconds that both Envoys, and the clients that have ended, were on a processor; of the kernel's work, what it did for them."""
    clients = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = (clients.ru_utime + clients.ru_stime) * 1e9
    for pid in envoys:
        for thread in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            with open(thread, encoding="ascii") as stat:
                total += int(stat.read().split()[0])
    return total


def counted():
    """Connections that came by capture, and by name."""
    stats = output("curl", "-sSg", "http://127.0.0.1:9901/stats?filter=^listener[.](outbound|egress)[.]downstream_cx_total$")
    return {line.split(".")[1]: int(line.split()[-1]) for line in stats.splitlines()}


def ask(way, connections, seconds, envoys):
    """Requests a second, the median and 99th percentile of their latency, and the processor time of each, in microseconds."""
    user, url = WAYS[way]
    before, began = counted(), processor_time(envoys)
    said = output("as", user, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", f"Host: {HOST}", url)
    after, ended = counted(), processor_time(envoys)
    came = {name for name in after if after[name] > before[name]}
    wanted = {"direct": set(), CAPTURED: {"outbound"}, NAMED: {"egress"}}[way]
    if came != wanted or "Non-2xx" in said or "Socket errors" in said:
        measure.stop(f"{way}: came by {came or 'nothing'} instead of {wanted or 'nothing'}: {said}")
    units = {"us": 1, "ms": 1e3, "s": 1e6}
    latency = {part: float(value) * units[unit] for part, value, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", said)}
    requests = int(re.search(r"(\d+) requests in", said)[1])
    return (float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), latency["50"], latency["99"],
            (ended - began) / 1e3 / requests)


def compare(what, captured, named):
    """Of one round each: what else the machine does changes slower than the turns. How firm the median is, by drawing rounds again."""
    ratios = [one / other for one, other in zip(captured, named)]
    medians = sorted(statistics.median(random.choices(ratios, k=len(ratios))) for _ in range(2000))
    print(f"captured, beside the named proxy in the same round: {statistics.median(ratios):.3f} times the {what}"
          f" (95 % sure: {medians[50]:.3f}-{medians[-51]:.3f}; single rounds {min(ratios):.2f}-{max(ratios):.2f})")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench envoy", description=__doc__)
    parser.add_argument("--rounds", type=int, default=41, help="of each way, by turns in an order of its own (default: 41)")
    parser.add_argument("--seconds", type=int, default=1, help="of each measurement (default: 1)")
    parser.add_argument("--connections", type=int, default=16, help="that wrk keeps open (default: 16)")
    arguments = parser.parse_args()
    envoys = prepare(os.path.abspath(f"{os.path.dirname(__file__)}/../.."))
    results = {way: [] for way in WAYS}
    for way in WAYS:
        ask(way, arguments.connections, 1, envoys)
    for _ in range(arguments.rounds):
        # whoever comes after a slow one finds other caches than who comes after a fast one
        for way in random.sample(list(WAYS), len(WAYS)):
            results[way].append(ask(way, arguments.connections, arguments.seconds, envoys))
    print(f"envoy: {arguments.rounds} rounds of {arguments.seconds} s each, by turns, {arguments.connections} connections, HTTP/1.1;"
          f" medians (lowest-highest); {measure.load()}")
    columns = {way: list(zip(*measured)) for way, measured in results.items()}
    for way, column in columns.items():
        medians = [statistics.median(one) for one in column]
        spread = f"({min(column[0]):.0f}-{max(column[0]):.0f})"
        print(f"{way:26} {medians[0]:8.0f} requests/s {spread:16} latency {medians[1]:6.0f} us, 99 % {medians[2]:6.0f} us,"
              f" processor time {medians[3]:6.1f} us a request")
    compare("requests", columns[CAPTURED][0], columns[NAMED][0])
    compare("processor time", columns[CAPTURED][3], columns[NAMED][3])


if __name__ == "__main__":
    sys.exit(main())
