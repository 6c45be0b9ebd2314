"""Plans of any size: services told apart by user, and excepted networks of which none touches another."""

FIRST_USER = 20000
LISTENER = 15001


def user(service):
    return FIRST_USER + service


def networks(number):
    """Every other /24 from 11.0.0.0 on: neighbours could be merged, and would be fewer than they seem."""
    return [f"{11 + (i >> 15)}.{i >> 7 & 255}.{(i & 127) << 1}.0/24" for i in range(number)]


def among(number):
    """An address in the midst of that many networks, between two of them and in none."""
    network, before, host, _ = networks(number // 2 + 1)[-1].split(".")
    return f"{network}.{before}.{int(host) + 1}.10"


def plan(services, excepted=0, by_service=None, to=None, envoy=(), beside=(), backend="nftables"):
    """The text of a plan.

    excepted: how many networks are excepted, by the plan itself or by the service with the number by_service.
    to: destinations of single services, by their number; the others capture everything.
    envoy: more settings of Envoy. beside: sections beside the services."""
    lines = ["version: 1", f"backend: {backend}", "envoy:", '  user: "101"', f"  outbound: {LISTENER}"]
    lines += [f"  {setting}" for setting in envoy]
    lines += beside
    if excepted and by_service is None:
        lines += ["except:", *(f"- {network}" for network in networks(excepted))]
    lines.append("services:")
    for i in range(services):
        lines += [f"  s{i}:", f'    from: {{user: "{user(i)}"}}', f"    to: {(to or {}).get(i, 'any')}"]
        if excepted and by_service == i:
            lines += ["    except:", *(f"    - {network}" for network in networks(excepted))]
    return "\n".join(lines) + "\n"
