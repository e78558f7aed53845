// SPDX-License-Identifier: Apache-2.0
// The JS SDKs against azsim: one line per check. Addresses are Azure's own; the caller's namespace sends them here.
const { createRequire } = require('module');
const sdk = createRequire(process.env.NODE_PATH + '/');
const { ClientSecretCredential, ManagedIdentityCredential } = sdk('@azure/identity');
const { SecurityCenter } = sdk('@azure/arm-security');
const { NetworkManagementClient } = sdk('@azure/arm-network');
const { ComputeManagementClient } = sdk('@azure/arm-compute');
const { SubscriptionClient } = sdk('@azure/arm-resources-subscriptions');
const sub = process.env.SUBSCRIPTION;
const vm = `/subscriptions/${sub}/resourceGroups/lab/providers/Microsoft.Compute/virtualMachines/web01`;

async function all(pages) { const got = []; for await (const x of pages) got.push(x); return got; }
async function check(name, want, fn) {
  try {
    const got = JSON.stringify(await fn());
    console.log(got === JSON.stringify(want) ? `ok ${name}` : `not ok ${name}: got ${got}`);
  } catch (e) { console.log(`not ok ${name}: ${String(e.message).split('\n')[0]}`); }
}
async function tour(who, credential) {
  const security = new SecurityCenter(credential, sub), network = new NetworkManagementClient(credential, sub);
  const compute = new ComputeManagementClient(credential, sub), subscriptions = new SubscriptionClient(credential);
  const jit = security.jitNetworkAccessPolicies;
  await check(`${who}: subscriptions`, ['Lab'], async () => (await all(subscriptions.subscriptions.list())).map((s) => s.displayName));
  await check(`${who}: JIT policies of the subscription`, ['default'], async () => (await all(jit.list())).map((p) => p.name));
  await check(`${who}: JIT policies of group and region`, [[22, 3389], [22]],
    async () => (await all(jit.listByResourceGroupAndRegion('lab', 'westeurope')))[0].virtualMachines.map((v) => v.ports.map((p) => p.number)));
  await check(`${who}: initiate`, ['Initiating', 'UserRequested'], async () => {
    const end = new Date(Date.now() + 1800e3);
    const got = await jit.initiate('lab', 'westeurope', 'default',
      { virtualMachines: [{ id: vm, ports: [{ number: 22, allowedSourceAddressPrefix: '10.20.0.4', endTimeUtc: end }] }], justification: who });
    const port = got.virtualMachines[0].ports[0];
    return [port.status, port.statusReason];
  });
  await check(`${who}: the request in the policy`, [true, who], async () => {
    const p = await jit.get('lab', 'westeurope', 'default');
    const r = p.requests[p.requests.length - 1];
    return [r.startTimeUtc instanceof Date, r.justification];
  });
  await check(`${who}: interfaces`, ['db01-nic', 'web01-nic'], async () => (await all(network.networkInterfaces.listAll())).map((n) => n.name).sort());
  await check(`${who}: security groups`, ['db01-nsg', 'servers-nsg', 'web01-nsg'], async () => (await all(network.networkSecurityGroups.list('lab'))).map((n) => n.name).sort());
  await check(`${who}: a security group`, [6, true], async () => {
    const g = await network.networkSecurityGroups.get('lab', 'web01-nsg');
    return [g.defaultSecurityRules.length, g.securityRules.some((r) => r.access === 'Deny' && r.priority === 4096)];
  });
  await check(`${who}: machines`, ['db01', 'web01'], async () => (await all(compute.virtualMachines.listAll())).map((v) => v.name).sort());
  await check(`${who}: instance view`, true, async () => (await compute.virtualMachines.instanceView('lab', 'web01')).statuses.some((s) => s.code === 'PowerState/running'));
  return { jit, network };
}
(async () => {
  const secret = new ClientSecretCredential(process.env.AZURE_TENANT_ID, process.env.AZURE_CLIENT_ID, process.env.AZURE_CLIENT_SECRET);
  const { jit, network } = await tour('secret', secret);
  await check('secret: effective rules (long-running)', 2, async () => {
    const poll = network.networkInterfaces.beginListEffectiveNetworkSecurityGroupsAndWait
      ? await network.networkInterfaces.beginListEffectiveNetworkSecurityGroupsAndWait('lab', 'web01-nic', { updateIntervalInMs: 200 })
      : await network.networkInterfaces.listEffectiveNetworkSecurityGroups('lab', 'web01-nic', { updateIntervalInMs: 200 });
    return poll.value.length;
  });
  await check('secret: a policy that is not there', [404, 'PolicyNotFound'], async () => {
    try { await jit.get('lab', 'westeurope', 'none'); } catch (e) { return [e.statusCode, e.code]; }
    return null;
  });
  await tour('managed identity', new ManagedIdentityCredential());
  console.log('ok end');
})();
