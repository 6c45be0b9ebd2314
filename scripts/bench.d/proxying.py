"""What does capture add to a request that passes through Envoy?

The same client, wrk, asks the same server, an Envoy of its own that answers by itself, in three ways by turns: directly; captured,
through the Envoy that `meshcapture envoy-config` configures; and through that same Envoy named as a proxy, without capture.
"""

import argparse
import os
import re
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
WAYS = {
    "direct": ("ledger", f"http://{SERVER}:7000/"),
    "captured, through Envoy": ("orders", f"http://{SERVER}:7000/"),
    "Envoy named as proxy": ("ledger", "http://127.0.0.1:8000/"),
}


def write(file, text):
    with open(file, "w", encoding="utf-8") as out:
        out.write(text)
    return file


def prepare(checkout):
    """The server in `upstream`, the printed Envoy here, and the capture of one user."""
    output(f"{checkout}/test-env/envoy/stop")
    subprocess.Popen(
        ["ip", "netns", "exec", "upstream", "/run/envoy/envoy", "-c", write("/run/upstream.yaml", UPSTREAM),
         "--concurrency", "1", "--disable-hot-restart"],
        stdout=subprocess.DEVNULL, stderr=open("/run/upstream.log", "w", encoding="utf-8"))
    plan = write("/run/plan.yaml", PLAN)
    configuration = write("/run/envoy/bench.yaml", output("meshcapture", "envoy-config", "-f", plan))
    output(f"{checkout}/test-env/envoy/start", "/run/envoy/envoy", configuration)
    print(output("meshcapture", "apply", "-f", plan, "orders", "--wait-envoy", "10s"), end="")


def counted():
    """Connections that came by capture, and by name."""
    stats = output("curl", "-sSg", "http://127.0.0.1:9901/stats?filter=^listener[.](outbound|egress)[.]downstream_cx_total$")
    return {line.split(".")[1]: int(line.split()[-1]) for line in stats.splitlines()}


def ask(way, connections, seconds):
    """Requests a second, and the median and 99th percentile of their latency in microseconds."""
    user, url = WAYS[way]
    before = counted()
    said = output("as", user, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", f"Host: {HOST}", url)
    after = counted()
    came = {name for name in after if after[name] > before[name]}
    wanted = {"direct": set(), "captured, through Envoy": {"outbound"}, "Envoy named as proxy": {"egress"}}[way]
    if came != wanted or "Non-2xx" in said or "Socket errors" in said:
        measure.stop(f"{way}: came by {came or 'nothing'} instead of {wanted or 'nothing'}: {said}")
    units = {"us": 1, "ms": 1e3, "s": 1e6}
    latency = {part: float(value) * units[unit] for part, value, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", said)}
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), latency["50"], latency["99"]


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench envoy", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="of each way, by turns (default: 7)")
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement (default: 3)")
    parser.add_argument("--connections", type=int, default=16, help="that wrk keeps open (default: 16)")
    arguments = parser.parse_args()
    prepare(os.path.abspath(f"{os.path.dirname(__file__)}/../.."))
    results = {way: [] for way in WAYS}
    for way in WAYS:
        ask(way, arguments.connections, 1)
    for _ in range(arguments.rounds):
        for way, measured in results.items():
            measured.append(ask(way, arguments.connections, arguments.seconds))
    print(f"envoy: {arguments.rounds} rounds of {arguments.seconds} s each, by turns, {arguments.connections} connections, HTTP/1.1;"
          " medians (lowest-highest)")
    for way, measured in results.items():
        columns = list(zip(*measured))
        medians = [statistics.median(column) for column in columns]
        spread = f"({min(columns[0]):.0f}-{max(columns[0]):.0f})"
        print(f"{way:26} {medians[0]:8.0f} requests/s {spread:16} latency {medians[1]:6.0f} us, 99 % {medians[2]:6.0f} us")
    # of one round each: what else the machine does changes slower than the turns
    ratios = sorted(captured[0] / named[0] for captured, named in zip(
        results["captured, through Envoy"], results["Envoy named as proxy"]))
    print(f"captured, of what the named proxy does in the same round: {statistics.median(ratios):.2f} times the requests"
          f" ({ratios[0]:.2f}-{ratios[-1]:.2f})")


if __name__ == "__main__":
    sys.exit(main())
