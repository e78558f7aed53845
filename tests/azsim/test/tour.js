// SPDX-License-Identifier: Apache-2.0
// What azjit does, done with Microsoft's SDKs alone: list the policies in every way, ask for one port of one VM, wait until
// the rules let it through, find the request in the Activity Log, and see the port shut when its time is over. A line
// per step; the first that fails is the last. "clock N" asks who reads the lines to move azsim's clock on by N seconds.
const { createRequire } = require('module');
const sdk = createRequire(process.env.NODE_PATH + '/');
const { ClientSecretCredential } = sdk('@azure/identity');
const { SecurityCenter } = sdk('@azure/arm-security');
const { NetworkManagementClient } = sdk('@azure/arm-network');
const { ComputeManagementClient } = sdk('@azure/arm-compute');
const { MonitorClient } = sdk('@azure/arm-monitor');
const { SubscriptionClient } = sdk('@azure/arm-resources-subscriptions');
const { AZURE_TENANT_ID: tenant, AZURE_CLIENT_ID: client, AZURE_CLIENT_SECRET: secret, SUBSCRIPTION: sub } = process.env;
const credential = new ClientSecretCredential(tenant, client, secret);
const jit = new SecurityCenter(credential, sub).jitNetworkAccessPolicies;
const network = new NetworkManagementClient(credential, sub), compute = new ComputeManagementClient(credential, sub);
const [group, region, name, machine, port, source] = ['lab', 'westeurope', 'default', 'db01', 22, '10.20.0.4'];
const life = 20 * 60, patience = 60e3;

const last = (id) => id.split('/').pop();
const same = (a, b) => a.toLowerCase() === b.toLowerCase();
async function all(pages) { const got = []; for await (const x of pages) got.push(x); return got; }
async function step(what, want, fn) {
  const got = JSON.stringify(await fn());
  if (got !== JSON.stringify(want)) throw new Error(`${what}: got ${got}`);
  console.log(`ok ${what}`);
}
// Until fn gives what is wanted; then that, else the last that it gave.
async function until(want, fn) {
  const deadline = Date.now() + patience;
  for (;;) {
    const got = await fn();
    if (JSON.stringify(got) === JSON.stringify(want) || Date.now() > deadline) return got;
    await new Promise((r) => setTimeout(r, 200));
  }
}

// --- what the security groups say ------------------------------------------------------------------------
const list = (one, many) => (many && many.length ? many : [one]);
const number = (a) => a.split('.').reduce((n, part) => n * 256 + Number(part), 0);
function holds(prefix, address) {
  if (prefix === '*' || prefix === '0.0.0.0/0' || prefix === 'VirtualNetwork') return true; // both are in the VNet
  const [base, bits] = prefix.split('/');
  if (!/^[0-9.]+$/.test(base)) return false;
  const size = 2 ** (32 - Number(bits ?? 32));
  return Math.floor(number(base) / size) === Math.floor(number(address) / size);
}
function covers(range) {
  const [from, to] = range === '*' ? [0, 65535] : range.split('-').map(Number);
  return port >= from && port <= (to ?? from);
}
function verdict(nsg, destination) {
  const rules = [...nsg.securityRules, ...nsg.defaultSecurityRules].filter((r) => r.direction === 'Inbound' && ['*', 'Tcp', 'TCP'].includes(r.protocol)
    && list(r.sourceAddressPrefix, r.sourceAddressPrefixes).some((p) => holds(p, source))
    && list(r.destinationAddressPrefix, r.destinationAddressPrefixes).some((p) => holds(p, destination))
    && list(r.destinationPortRange, r.destinationPortRanges).some(covers));
  return rules.sort((a, b) => a.priority - b.priority)[0].access;
}
async function wayTo(id) {
  const vm = await compute.virtualMachines.get(group, last(id));
  const nic = await network.networkInterfaces.get(group, last(vm.networkProfile.networkInterfaces[0].id));
  const config = nic.ipConfigurations[0], parts = config.subnet.id.split('/');
  const subnet = await network.subnets.get(group, parts[parts.length - 3], last(config.subnet.id));
  const groups = [nic.networkSecurityGroup, subnet.networkSecurityGroup].filter(Boolean).map((g) => last(g.id));
  return async () => Promise.all(groups.map(async (g) => verdict(await network.networkSecurityGroups.get(group, g), config.privateIPAddress)));
}

// --- the tour ----------------------------------------------------------------------------------------------
async function lists() {
  const names = async (pages) => (await all(pages)).map((p) => p.name);
  await step('subscriptions', [sub], async () => (await all(new SubscriptionClient(credential).subscriptions.list())).map((s) => s.subscriptionId));
  await step('policies of the subscription', [name], () => names(jit.list()));
  await step('policies of the region', [name], () => names(jit.listByRegion(region)));
  await step('policies of the group', [name], () => names(jit.listByResourceGroup(group)));
  await step('policies of group and region', [name], () => names(jit.listByResourceGroupAndRegion(group, region)));
}
async function tour() {
  await lists();
  const policy = await jit.get(group, region, name), { id } = policy.virtualMachines.find((v) => same(last(v.id), machine));
  await step('the policy lists the port', ['PT1H'], async () => policy.virtualMachines.find((v) => v.id === id).ports.filter((p) => p.number === port).map((p) => p.maxRequestAccessDuration));
  const way = await wayTo(id);
  await step('the port is shut', ['Deny', 'Deny'], way);

  const end = new Date(Date.now() + life * 1000), began = new Date(Date.now() - 300e3);
  const ours = (request) => request.virtualMachines.some((v) => same(v.id, id) && v.ports.some((p) => p.number === port && +p.endTimeUtc === +end));
  const state = async () => { const found = ((await jit.get(group, region, name)).requests ?? []).filter(ours); return found.map((r) => { const p = r.virtualMachines[0].ports[0]; return [p.status, p.statusReason]; }); };
  let correlation;
  await step('initiate', ['Initiating', 'UserRequested', 'the tour'], async () => {
    const got = await jit.initiate(group, region, name, { virtualMachines: [{ id, ports: [{ number: port, allowedSourceAddressPrefix: source, endTimeUtc: end }] }], justification: 'the tour' },
      { onResponse: (r) => { correlation = r.headers.get('x-ms-correlation-request-id'); } });
    const { status, statusReason } = got.virtualMachines[0].ports[0];
    return [status, statusReason, got.justification];
  });
  await step('wait: the policy says Initiated', [['Initiated', 'UserRequested']], () => until([['Initiated', 'UserRequested']], state));
  await step('wait: the rules let it through', ['Allow', 'Allow'], () => until(['Allow', 'Allow'], way));
  const monitor = new MonitorClient(credential, sub);
  const filter = `eventTimestamp ge '${began.toISOString()}' and eventTimestamp le '${new Date(Date.now() + 60e3).toISOString()}' and correlationId eq '${correlation}'`;
  const events = ['BeginRequest', 'EndRequest'].map((e) => [e, 'microsoft.security/locations/jitnetworkaccesspolicies/initiate/action']);
  await step('the Activity Log has it', events, () => until(events, async () =>
    (await all(monitor.activityLogs.list(filter))).map((e) => [e.eventName.value, e.operationName.value.toLowerCase()]).sort()));
  console.log(`clock ${life + 60}`);
  await step('expire: the policy says so', [['Revoked', 'Expired']], () => until([['Revoked', 'Expired']], state));
  await step('expire: the port is shut again', ['Deny', 'Deny'], () => until(['Deny', 'Deny'], way));
}
tour().then(() => console.log('ok end'), (e) => console.log(`not ok ${String(e.message).split('\n')[0]}`));
