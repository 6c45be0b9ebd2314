"""Rules as somebody writes them by hand, one after the other: what a plan's rules of the same backend are measured beside."""

from measure import output

NFT, NFT_FLAVOUR, LEGACY = "nftables", "iptables-nft", "iptables-legacy"
BACKENDS = (NFT, NFT_FLAVOUR, LEGACY)


def restore(backend, family=""):
    """The program that loads a flavour's text: of IPv4, or with family "6" of IPv6."""
    return backend.replace("iptables", f"ip{family}tables") + "-restore"


def rules(backend, listener, user=None, networks=()):
    """The text of a list: a rule for each network that is left alone, and one that sends to the listener what else the user
    connects to, or, with no user, what arrives by out0."""
    if backend == NFT:
        hook, whose = ("prerouting", 'iifname "out0"') if user is None else ("output", f"meta skuid {user}")
        base = f"type nat hook {hook} priority -101; policy accept;"
        lines = [f"ip daddr {network} return" for network in networks]
        lines.append(f"{whose} meta l4proto tcp redirect to :{listener}")
        return "\n".join(["table inet plain {", f"chain capture {{ {base}", *lines, "}", "}", ""])
    chain, whose = ("PREROUTING", "-i out0") if user is None else ("OUTPUT", f"-m owner --uid-owner {user}")
    lines = [f"-A {chain} -d {network} -j RETURN" for network in networks]
    lines.append(f"-A {chain} -p tcp {whose} -j REDIRECT --to-ports {listener}")
    return "\n".join(["*nat", *lines, "COMMIT", ""])


def load(backend, path):
    """The command that loads a list."""
    return ["nft", "-f", path] if backend == NFT else [restore(backend), "--noflush", path]


def empty(backend):
    """Deletes every rule of this namespace, so that the namespaces that are kept do not fill the machine's memory."""
    if backend != LEGACY:
        output("nft", "flush", "ruleset")
        return
    for family in ("", "6"):
        output("/bin/sh", "-c", rf"printf '*filter\nCOMMIT\n*nat\nCOMMIT\n' | {restore(backend, family)}")
