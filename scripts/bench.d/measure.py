"""Runs programs many times, by turns, each in a network namespace that nobody else has, and says what they took."""

import ctypes
import os
import socket
import statistics
import subprocess
import sys
import time

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
libc = ctypes.CDLL(None, use_errno=True)


def stop(text):
    """What cannot be measured is no result: exit 1."""
    print(f"bench: {text}", file=sys.stderr)
    sys.exit(1)


def checked(result, what):
    if result:
        stop(f"{what}: {os.strerror(ctypes.get_errno())}; run it as root on a kernel with namespaces")


def leave_the_machine_alone():
    """From here on nobody else sees what is mounted or written under /run."""
    checked(libc.unshare(CLONE_NEWNS), "cannot make a mount namespace")
    checked(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "cannot make mounts private")
    checked(libc.mount(b"none", b"/run", b"tmpfs", 0, None), "cannot mount a private /run")


_kept = []


def enter_fresh_network():
    """Moves this process, and what it starts, into a new network namespace, and answers it. The old ones are kept until
    the end, so that the kernel does not tear them down while something is measured."""
    checked(libc.unshare(CLONE_NEWNET), "cannot make a network namespace")
    _kept.append(os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
    return _kept[-1]


def play_envoy(uid, port):
    """Has somebody listen where Envoy would in this network: without, check finds that captured connections break."""
    output("ip", "link", "set", "lo", "up")
    os.seteuid(uid)
    try:
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            _kept.append(socket.create_server((address, port), family=family))
    finally:
        os.seteuid(0)


def enter(network):
    """Moves this process back into a namespace that enter_fresh_network() answered."""
    checked(libc.setns(network, CLONE_NEWNET), "cannot enter a network namespace")


def output(*command):
    """What a program prints; one that fails ends the measurement."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        stop(f"{' '.join(command)} ended with {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


def empty(table):
    """Deletes a table, so that the namespaces that are kept do not fill the machine's memory."""
    output("nft", "delete", *table)


def load():
    """How busy the machine is with this and with all else."""
    averages = " ".join(f"{average:.1f}" for average in os.getloadavg())
    return f"load averages of 1, 5 and 15 minutes: {averages}, on {os.cpu_count()} processors"


def may_choose(parser, groups):
    """Gives a measurement the option --group; its value is None or a list."""
    parser.add_argument("--group", action="append", choices=groups, help="only this one; may be given again")


def in_turn(names, turn):
    """The names, beginning with another one each turn."""
    names = list(names)
    return names[turn % len(names) :] + names[: turn % len(names)]


class Run:
    """One run: wall and processor time in ms, peak memory in MB."""

    def __init__(self, command, environment):
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        errors = os.memfd_create("errors")
        actions = [
            (os.POSIX_SPAWN_DUP2, null, 0),
            (os.POSIX_SPAWN_DUP2, null, 1),
            (os.POSIX_SPAWN_DUP2, errors, 2),
        ]
        start = time.perf_counter_ns()
        pid = os.posix_spawn(command[0], command, environment, file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
        self.wall = (time.perf_counter_ns() - start) / 1e6
        self.cpu = (usage.ru_utime + usage.ru_stime) * 1e3
        self.peak = usage.ru_maxrss / 1024
        said = os.pread(errors, 2000, 0).decode(errors="replace")
        os.close(null)
        os.close(errors)
        if status:
            stop(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}: {said}")


def by_turns(commands, runs, after=lambda name: None, fresh=True):
    """{name: [Run…]}: one run of each, in changing order, `runs` times, after one that does not count; each in a fresh
    network namespace, or all in this one."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
    results = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name in in_turn(commands, turn):
            if fresh:
                enter_fresh_network()
            run = Run(commands[name], environment)
            after(name)
            if turn:
                results[name].append(run)
    return results


def table(results, reference):
    """Prints medians, extremes and the ratio of the medians to the reference's, whose median it returns."""
    wide = max(map(len, results))
    print(f"{'':{wide}}  median     min     max   ratio     cpu      peak")
    base = statistics.median(run.wall for run in results[reference])
    for name, runs in results.items():
        wall = [run.wall for run in runs]
        cpu = statistics.median(run.cpu for run in runs)
        peak = max(run.peak for run in runs)
        print(
            f"{name:{wide}}  {statistics.median(wall):6.1f}  {min(wall):6.1f}  {max(wall):6.1f}"
            f"  {statistics.median(wall) / base:5.2f}x  {cpu:6.1f}  {peak:5.1f} MB"
        )
    return base
