#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Throws mutated requests at azsim: fuzz.py ARM LOGIN IMDS CONTROL CA TOKEN SEED COUNT. What must hold: azsim answers on."""
import copy, http.client, json, random, ssl, sys

arm, login, imds, door, ca, token, seed, count = sys.argv[1:9]
dice = random.Random(int(seed))
context = ssl.create_default_context(cafile=ca)
lab = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/lab"
policy = lab + "/providers/Microsoft.Security/locations/westeurope/jitNetworkAccessPolicies/default"
vm = lab + "/providers/Microsoft.Compute/virtualMachines/web01"
nsg = lab + "/providers/Microsoft.Network/networkSecurityGroups/web01-nsg"
port = {"number": 22, "allowedSourceAddressPrefix": "10.20.0.4", "endTimeUtc": "2099-01-01T00:00:00.1234567Z"}
rule = {"priority": 200, "access": "Allow", "direction": "Inbound", "protocol": "Tcp", "destinationPortRange": "22",
        "sourceAddressPrefixes": ["10.0.0.0/8"], "destinationAddressPrefix": "*", "sourcePortRange": "*"}
seeds = [
    (arm, "POST", policy + "/initiate?api-version=2020-01-01", {"virtualMachines": [{"id": vm, "ports": [port]}]}),
    (arm, "PUT", policy + "?api-version=2020-01-01", {"kind": "Basic", "properties": {"virtualMachines": [{"id": vm, "ports": [
        {"number": 22, "protocol": "TCP", "allowedSourceAddressPrefix": "*", "maxRequestAccessDuration": "PT3H"}]}]}}),
    (arm, "PUT", nsg + "/securityRules/r1?api-version=2024-01-01", {"properties": rule}),
    (arm, "PUT", nsg + "?api-version=2024-01-01", {"location": "x", "properties": {"securityRules": [{"name": "r", "properties": rule}]}}),
    (arm, "POST", lab + "/providers/Microsoft.Network/networkInterfaces/web01-nic/effectiveNetworkSecurityGroups?api-version=2024-01-01", {}),
    (arm, "GET", "/subscriptions/22222222-2222-4222-8222-222222222222/providers/Microsoft.Insights/eventtypes/management/values?"
     "api-version=2015-04-01&$filter=eventTimestamp%20ge%20'2026-01-01T00:00:00Z'%20and%20eventTimestamp%20le%20'2099-01-01T00:00:00Z'", None),
    (arm, "GET", lab + "/providers/Microsoft.Network/networkSecurityGroups?api-version=2024-01-01&$skiptoken=1.1.1", None),
    (login, "POST", "/common/oauth2/v2.0/token", "grant_type=client_credentials&client_id=x&client_secret=%41&scope=https://a/.default"),
    (imds, "GET", "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/", None),
    (door, "PATCH", "/_azsim/switches", {"supersede": "same_port", "caller_address": ["10.0.0.1"]}),
    (door, "PATCH", "/_azsim/delays", {"rule_ms": {"min": 1, "max": 20}, "nsg_ms": 5}),
    (door, "POST", "/_azsim/faults", {"match": {"path": "x$"}, "count": 1, "action": {"type": "mutate", "kinds": ["order"]}}),
    (door, "POST", "/_azsim/requests/revoke", {"vm": "web01", "port": 22}),
    (door, "PUT", "/_azsim/nsgs/web01-nsg/rules/f", {"priority": 300, "ports": ["22"], "source": "*"}),
    (door, "POST", "/_azsim/clock", {"advance_s": 1}),
    (door, "PATCH", "/_azsim/locks", {"locks": [lab]}),
    (door, "PATCH", "/_azsim/principals/nobody", {"roles": [{"actions": ["*"], "scope": "/"}]}),
    (door, "GET", "/_azsim/state", None),
]
odd = [None, True, 0, -1, 65536, 1 << 40, 1.5, "", "*", "::1", "10.0.0.0/33", "0.0.0.0/0", "x" * 300, [], {}, [None], [[]], [1, "10.0.0.9"],
       "PT", "P1D", "2026-13-45T99:99:99Z", "\u0000", "\ud83d\ude00", "/subscriptions/", "'"]


def places(v, path=()):
    yield path
    for k, x in (v.items() if isinstance(v, dict) else enumerate(v) if isinstance(v, list) else ()):
        yield from places(x, path + (k,))


def mutate(body):
    body = copy.deepcopy(body)
    for _ in range(dice.randint(0, 2)):
        path = dice.choice(list(places(body)))
        if not path:
            return dice.choice(odd)
        at = body
        for k in path[:-1]:
            at = at[k]
        what = dice.randrange(3)
        if what == 0:
            at[path[-1]] = dice.choice(odd)
        elif what == 1 and isinstance(at, dict):
            del at[path[-1]]
        elif isinstance(at, list):
            at.append(dice.choice(odd + [at[path[-1]]]))
    return body


def bend(text):
    out = list(text)
    for _ in range(dice.choice([0, 0, 0, 1, 3])):
        out[dice.randrange(len(out))] = chr(dice.randrange(33, 127))
    return "".join(out)


def send(address, method, target, payload, headers):
    host, number = address.rsplit(":", 1)
    secure = address in (arm, login)
    make = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = make(host, int(number), timeout=20, **({"context": context} if secure else {}))
    try:
        connection.request(method, target, payload, headers)
        return connection.getresponse().read()
    except (http.client.HTTPException, ConnectionError, TimeoutError, ValueError):
        return None  # a bad request line may end the connection
    finally:
        connection.close()


for _ in range(int(count)):
    address, method, target, body = dice.choice(seeds)
    payload = body.encode() if isinstance(body, str) else None if body is None else json.dumps(mutate(body)).encode()
    if payload and dice.randrange(10) == 0:
        payload = payload[: dice.randrange(len(payload) + 1)]
    headers = {"Authorization": "Bearer " + (token if dice.randrange(20) else bend(token[:200])), "Content-Type": "application/json",
               "Metadata": "true", "X-Azsim-Kind": "fault", "x-ms-correlation-request-id": bend("5f0c8e9a-1111-4222-8333-444455556666")}
    send(address, dice.choice([method] * 9 + ["GET", "DELETE", "PUT"]), bend(target), payload, headers)
    if dice.randrange(200) == 0:
        send(door, "DELETE", "/_azsim/faults", None, {})
        send(door, "POST", "/_azsim/reset", None, {})
send(door, "POST", "/_azsim/reset", None, {})
print("alive" if json.loads(send(door, "GET", "/_azsim/clock", None, {}) or "{}").get("mode") == "real" else "gone")
