# SPDX-License-Identifier: Apache-2.0
"""Plays a table of verdicts with nftables: filter.py VERDICTS

Every group of a row becomes a chain in which the first rule that matches decides, the row's flow is a
real TCP connection over the loopback device from the source's address, and the outcome must be the
verdict. What the evaluator cannot know (the addresses of a service tag, the members of an application
security group) is played twice, as everything and as nothing: a verdict of allow or deny must hold both
ways. Rows that no filter can play are counted and named. It shares no code with the evaluator.
"""

import ipaddress
import json
import socket
import subprocess
import sys

WEB = "10.20.1.4"
PRIVATE = "{ 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 }"
BALANCER = "168.63.129.16"
DEFAULTS = [
    "65000 allow * VirtualNetwork VirtualNetwork * name=AllowVnetInBound",
    "65001 allow * AzureLoadBalancer * * name=AllowAzureLoadBalancerInBound",
    "65500 deny * * * * name=DenyAllInBound",
]
FIREWALL = ("198.51.100.9", 50022)  # a flow that is "translated" is made to this address and port
FIREWALL_OWN = "10.20.9.4"  # and seen from there, or from its source
SHUT = "4096 deny * * " + WEB + " 22 name=SHUT"
LEAST = 60  # rows that must have been played


class Unplayable(Exception):
    """The row has a form that says nothing to a packet filter."""


def column(text):
    return None if text == "-" else "" if text == '""' else text


def rows(path):
    """(line number, what, flow, subnet's group, NIC's group, verdict) of each row."""
    with open(path, encoding="utf-8") as table:
        for number, line in enumerate(table, 1):
            line = line.rstrip("\n")
            if line and not line.startswith("#"):
                parts = line.split(" | ")
                yield (number, parts[0]) + tuple(column(p.strip()) for p in parts[1:5])


def side(texts):
    if texts.startswith("asg:"):
        return {"addresses": [], "asgs": [texts[4:]]}
    return {"addresses": texts.split(","), "asgs": []}


def rule_of_words(text):
    words = text.split()
    for word in words[6:]:
        if word == "pending":
            raise Unplayable("a rule that is not in force yet")
        if word.startswith("source-port=") and word != "source-port=0-65535":
            raise Unplayable("a source port, which the flow does not name")
    return {
        "priority": int(words[0]), "allow": words[1] == "allow", "protocol": words[2],
        "source": side(words[3]), "destination": side(words[4]), "ports": words[5].split(","),
    }


def merged(properties, singular, plural):
    values = [properties[singular]] if properties.get(singular) else []
    return values + (properties.get(plural) or [])


def rule_of_json(text):
    properties = json.loads(text)
    needed = ("access", "direction", "priority", "protocol", "sourceAddressPrefix")
    if any(properties.get(name) is None for name in needed):
        raise Unplayable("a rule in a form that is not Azure's")
    if properties["direction"].lower() != "inbound":
        return None
    return {
        "priority": properties["priority"], "allow": properties["access"].lower() == "allow",
        "protocol": properties["protocol"],
        "source": {"addresses": merged(properties, "sourceAddressPrefix", "sourceAddressPrefixes"), "asgs": []},
        "destination": {"addresses": merged(properties, "destinationAddressPrefix", "destinationAddressPrefixes"),
                        "asgs": []},
        "ports": merged(properties, "destinationPortRange", "destinationPortRanges"),
    }


def group(shorthand):
    """The rules of a group by priority, or None for no group."""
    if shorthand is None:
        return None
    rules, defaults = [], DEFAULTS
    for text in (part.strip() for part in shorthand.split(";")):
        if text == "updating":
            raise Unplayable("a group that is not in force yet")
        if text == "bare":
            defaults = []
        elif text:
            rules.append(rule_of_json(text) if text.startswith("{") else
                         rule_of_words(SHUT if text == "SHUT" else text))
    rules = [r for r in rules if r] + [rule_of_words(text) for text in defaults]
    return sorted(rules, key=lambda r: r["priority"])


def address(field, text, unknown):
    """nft's match of an address ("" matches all), or None if it matches nothing here."""
    tag = text.lower()
    if text == "*":
        return ""
    if tag == "virtualnetwork":
        return "ip %s %s " % (field, PRIVATE)
    if tag == "internet":
        return "ip %s != %s " % (field, PRIVATE)
    if tag == "azureloadbalancer":
        return "ip %s %s " % (field, BALANCER)
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        if not text[0].isalpha():
            raise Unplayable("an address in a form that is not Azure's") from None
        return "" if unknown else None
    return "%s %s %s " % ("ip6" if network.version == 6 else "ip", field, network)


def matches(field, one, asgs, unknown):
    """nft's matches of one side of a rule."""
    if one["asgs"]:
        if field == "saddr":
            return [""] if unknown else []
        return [""] if {g.lower() for g in one["asgs"]} & {a.lower() for a in asgs} else []
    found = [address(field, text, unknown) for text in one["addresses"]]
    return [match for match in found if match is not None]


def port(text):
    low, _, high = text.partition("-")
    if text == "*":
        return ""
    if not (low + high).isdigit() or (high and int(high) < int(low)):
        raise Unplayable("a port in a form that is not Azure's")
    return "tcp dport %s " % text


def chain(name, rules, asgs, unknown):
    lines = ["chain %s {" % name]
    for rule in rules:
        protocol = rule["protocol"].lower()
        if protocol not in ("*", "tcp", "udp", "icmp", "esp", "ah"):
            raise Unplayable("a protocol that is not Azure's")
        if protocol not in ("*", "tcp"):
            continue  # the flow is TCP
        for source in matches("saddr", rule["source"], asgs, unknown):
            for destination in matches("daddr", rule["destination"], asgs, unknown):
                for ports in map(port, rule["ports"]):
                    lines.append(source + destination + ports + ("return" if rule["allow"] else "goto refuse"))
    return lines + ["goto refuse", "}"]


def translation(source):
    """What an Azure Firewall does with the flow: its DNAT rule, and SNAT to its own address if it is `source`."""
    lines = ["table ip firewall {", "chain inward { type nat hook output priority -100;",
             "ip daddr %s tcp dport %d dnat to %s:22" % (*FIREWALL, WEB), "}"]
    if source == FIREWALL_OWN:
        lines += ["chain outward { type nat hook postrouting priority 100;",
                  "ip daddr %s tcp dport 22 snat to %s" % (WEB, FIREWALL_OWN), "}"]
    return lines + ["}"]


def load(levels, asgs, unknown, seen=None):
    lines = ["flush ruleset"] + (translation(seen) if seen else [])
    lines += ["table inet evidence {", "chain refuse { reject with tcp reset; }"]
    jumps = []
    for name, rules in levels:
        if rules is not None:
            lines += chain(name, rules, asgs, unknown)
            jumps.append("jump " + name)
    lines += ["chain input {", "type filter hook input priority 0; policy accept;"]
    # Only the flow's first packet is judged: the answer, on the same device, is none of the group's.
    lines += ["tcp flags & (syn | ack) == syn " + jump for jump in jumps] + ["}", "}"]
    subprocess.run(["nft", "-f", "-"], input="\n".join(lines), text=True, check=True)


def device(*words):
    subprocess.run(["ip", *words], check=True)


def own(text, known):
    """Gives the address to the loopback device."""
    if text not in known:
        version = ipaddress.ip_address(text).version
        device("address", "add", "%s/%d" % (text, 32 if version == 4 else 128), "dev", "lo",
               *(["nodad"] if version == 6 else []))
        known.add(text)


def passes(source, destination, dialled):
    """True if a connection is made, False if it is refused; anything else is an error."""
    family = socket.AF_INET6 if ":" in destination else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as server, socket.socket(family, socket.SOCK_STREAM) as client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((destination, 22))
        server.listen(1)
        client.settimeout(5)
        client.bind((source, 0))
        try:
            client.connect(dialled or (destination, 22))
        except ConnectionRefusedError:
            return False
        return True


def flow_of(text):
    words, asgs, destination, translated = text.split(), [], WEB, False
    for word in words[1:]:
        if word.startswith("asg="):
            asgs.append(word[4:])
        elif word.startswith("destination="):
            destination = word[12:]
        elif word == "translated":
            translated = True
        else:
            raise Unplayable("a flow that is not TCP alone")
    if (":" in words[0]) != (":" in destination):
        raise Unplayable("a flow between two families")
    return words[0], destination, asgs, translated


def play(flow, levels, verdict, known):
    """What the filter did otherwise than the verdict says, or None."""
    if verdict not in ("allow", "deny"):
        raise Unplayable("a verdict of unknown")
    source, destination, asgs, translated = flow_of(flow)
    own(source, known)
    own(destination, known)
    if translated:
        own(FIREWALL_OWN, known)
        own(FIREWALL[0], known)
    for seen in (source, FIREWALL_OWN) if translated else (None,):
        for unknown in (False, True):
            load(levels, asgs, unknown, seen)
            if passes(source, destination, FIREWALL if translated else None) != (verdict == "allow"):
                return "with what is not known played as %s%s" % (
                    "everything" if unknown else "nothing", ", seen from " + seen if seen else "")
    return None


def main():
    counts, known, skipped = {"ok": 0, "not ok": 0}, set(), {}
    device("link", "set", "lo", "up")
    for number, what, flow, subnet, nic, verdict in rows(sys.argv[1]):
        try:
            wrong = play(flow, [("subnet", group(subnet)), ("nic", group(nic))], verdict, known)
        except Unplayable as why:
            skipped.setdefault(str(why), []).append(what)
            continue
        counts["not ok" if wrong else "ok"] += 1
        print("%s line %d, %s: %s%s" % ("not ok" if wrong else "ok", number, what, verdict,
                                        ": the filter does not, " + wrong if wrong else ""))
    for why, names in sorted(skipped.items()):
        print("# not played, %s: %s" % (why, "; ".join(names)))
    if counts["ok"] + counts["not ok"] < LEAST:
        counts["not ok"] += 1
        print("not ok at least %d rows are played" % LEAST)
    print("%d passed, %d failed" % (counts["ok"], counts["not ok"]))
    return 1 if counts["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
