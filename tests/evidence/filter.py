# SPDX-License-Identifier: Apache-2.0
"""Plays tables of verdicts with nftables: filter.py VERDICTS WAYS

Every group of a row becomes a chain in which the first rule that matches decides, the row's flow is a
real TCP connection over the loopback device from the source's address, and the outcome must be the
verdict. What the evaluator cannot know (the addresses of a service tag, what VirtualNetwork and Internet
hold, the members of an application security group) is played more than once, as everything
and as nothing: a verdict of allow or deny must hold each time, and of one of unknown the outcomes must
differ. A machine of several interfaces has a chain for each address, and its public addresses are
translated before that. Rows that no filter can play are counted and named. It shares no code with the
evaluator.
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
NOBODYS = "{ 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/4 }"  # in no virtual network
LEAST = 100  # rows that must have been played


class Unplayable(Exception):
    """The row has a form that says nothing to a packet filter."""


def column(text):
    return None if text == "-" else "" if text == '""' else text


def rows(path):
    """(line number, what, the other columns) of each row."""
    with open(path, encoding="utf-8") as table:
        for number, line in enumerate(table, 1):
            line = line.rstrip("\n")
            if line and not line.startswith("#"):
                parts = line.split(" | ")
                yield number, parts[0], [column(p.strip()) for p in parts[1:]]


def side(texts):
    if texts.startswith("asg:"):
        return {"addresses": [], "asgs": [texts[4:]]}
    return {"addresses": texts.split(","), "asgs": []}


def rule_of_words(text):
    words = text.split()
    pending, allow = "pending" in words[6:], words[1] == "allow"
    if pending and not allow:
        raise Unplayable("a denial that is not in force yet, which counts as if it were")
    # The flow does not name its source port: it is one of them or not.
    one_port = any(w.startswith("source-port=") and w != "source-port=0-65535" for w in words[6:])
    return {
        "priority": int(words[0]), "allow": allow, "maybe": pending or one_port, "protocol": words[2],
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
    rules, defaults, updating = [], DEFAULTS, False
    for text in (part.strip() for part in shorthand.split(";")):
        if text == "updating":
            updating = True
        elif text == "bare":
            defaults = []
        elif text:
            rules.append(rule_of_json(text) if text.startswith("{") else
                         rule_of_words(SHUT if text == "SHUT" else text))
    rules = [r for r in rules if r]
    if updating and not all(r["allow"] for r in rules):
        raise Unplayable("a denial that is not in force yet, which counts as if it were")
    for rule in rules:
        rule["maybe"] = rule.get("maybe") or updating
    return sorted(rules + [rule_of_words(text) for text in defaults], key=lambda r: r["priority"])


def tag(field, name, unknown):
    """nft's match of a service tag, or None if it matches nothing here."""
    if name == "azureloadbalancer":
        return "ip %s %s " % (field, BALANCER)
    if name == "virtualnetwork" and field == "daddr":
        return ""  # where the machine stands
    if not unknown:
        return None
    if name == "virtualnetwork":
        return "ip %s != %s " % (field, NOBODYS)
    if name == "internet":
        return "ip %s != %s " % (field, PRIVATE)
    return ""


def address(field, text, unknown):
    """nft's match of an address ("" matches all), or None if it matches nothing here."""
    if text == "*":
        return ""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        if not text[0].isalpha():
            raise Unplayable("an address in a form that is not Azure's") from None
        return tag(field, text.lower(), unknown)
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
        if protocol not in ("*", "tcp") or (rule.get("maybe") and not unknown):
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


def load(interfaces, translated, asgs, unknown, seen=None):
    """interfaces: (their addresses, [(level's name, rules)]); translated: public address -> private one;
    seen: the source that comes out of an Azure Firewall, if one is in front."""
    lines = ["flush ruleset"] + (translation(seen) if seen else [])
    lines += ["table inet evidence {", "chain refuse { reject with tcp reset; }"]
    judged = []
    for number, (addresses, levels) in enumerate(interfaces):
        for level, rules in levels:
            if rules is not None:
                name = "%s%d" % (level, number)
                lines += chain(name, rules, asgs, unknown)
                judged += ["%s daddr %s jump %s" % ("ip6" if ":" in a else "ip", a, name) for a in addresses]
    if translated:
        lines += ["chain output {", "type nat hook output priority -100;"]
        lines += ["ip daddr %s dnat ip to %s" % pair for pair in translated.items()] + ["}"]
    lines += ["chain input {", "type filter hook input priority 0; policy accept;"]
    # Only the flow's first packet is judged: the answer, on the same device, is none of the group's.
    lines += ["tcp flags & (syn | ack) == syn " + jump for jump in judged] + ["}", "}"]
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


def passes(source, dialled, destination, port=22):
    """True if a connection is made, False if it is refused; anything else is an error."""
    family = socket.AF_INET6 if ":" in destination else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as server, socket.socket(family, socket.SOCK_STREAM) as client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((destination, 22))
        server.listen(1)
        client.settimeout(5)
        client.bind((source, 0))
        try:
            client.connect((dialled, port))
        except ConnectionRefusedError:
            return False
        return True


def flow_of(text):
    words, asgs, destination, sources = text.split(), [], WEB, [None]
    for word in words[1:]:
        if word.startswith("asg="):
            asgs.append(word[4:])
        elif word.startswith("destination="):
            destination = word[12:]
        elif word == "translated":
            sources = [words[0], FIREWALL_OWN]
        else:
            raise Unplayable("a flow that is not TCP alone")
    if (":" in words[0]) != (":" in destination):
        raise Unplayable("a flow between two families")
    return words[0], destination, asgs, sources


def judged(outcomes, verdict):
    """What the filter did otherwise than the verdict says, or None."""
    if verdict == "unknown":
        if len(outcomes) == 1:
            raise Unplayable("a doubt that neither everything nor nothing shows")
        return None
    if outcomes != {verdict == "allow"}:
        return "the filter does not, whatever is played of what is not known"
    return None


def play_verdict(columns, known):
    flow, subnet, nic, verdict = columns[:4]
    source, destination, asgs, sources = flow_of(flow)
    interfaces = [([destination], [("subnet", group(subnet)), ("nic", group(nic))])]
    for mine in (source, destination) + ((FIREWALL_OWN, FIREWALL[0]) if sources[0] else ()):
        own(mine, known)
    outcomes = set()
    for seen in sources:
        for unknown in (False, True):
            load(interfaces, {}, asgs, unknown, seen)
            outcomes.add(passes(source, *((FIREWALL[0], destination, FIREWALL[1]) if seen else
                                          (destination, destination))))
    return judged(outcomes, verdict)


def play_way(columns, known):
    source, dialled = columns[0].split()
    interfaces, translated, members, outcomes = [], {}, {}, set()
    for addresses, subnet, nic in (columns[1:4], columns[4:7]):
        private = []
        for text in addresses.split():
            text, _, asg = text.partition("@")
            text, _, public = text.partition("=")
            private.append(text)
            members[text] = [asg] if asg else []
            if public:
                translated[public] = text
        interfaces.append((private, [("subnet", group(subnet)), ("nic", group(nic))]))
    dialled = interfaces[0][0][0] if dialled == "web01" else dialled
    destination = translated.get(dialled, dialled)
    for mine in (source, dialled, destination):
        own(mine, known)
    for unknown in (False, True):
        load(interfaces, translated, members[destination], unknown)
        outcomes.add(passes(source, dialled, destination))
    return judged(outcomes, columns[7])


def main():
    counts, known, skipped = {"ok": 0, "not ok": 0}, set(), {}
    device("link", "set", "lo", "up")
    for path, play, at in ((sys.argv[1], play_verdict, 3), (sys.argv[2], play_way, 7)):
        for number, what, columns in rows(path):
            try:
                wrong = play(columns, known)
            except Unplayable as why:
                skipped.setdefault(str(why), []).append(what)
                continue
            counts["not ok" if wrong else "ok"] += 1
            print("%s %s line %d, %s: %s%s" % ("not ok" if wrong else "ok", path.rpartition("/")[2], number, what,
                                               columns[at], ": " + wrong if wrong else ""))
    for why, names in sorted(skipped.items()):
        print("# not played, %s: %s" % (why, "; ".join(names)))
    if counts["ok"] + counts["not ok"] < LEAST:
        counts["not ok"] += 1
        print("not ok at least %d rows are played" % LEAST)
    print("%d passed, %d failed" % (counts["ok"], counts["not ok"]))
    return 1 if counts["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
