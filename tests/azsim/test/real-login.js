// SPDX-License-Identifier: Apache-2.0
// A person's login through the JS SDK; the control path, CONTROL, is the browser.
const { createRequire } = require('module');
const { DeviceCodeCredential } = createRequire(process.env.NODE_PATH + '/')('@azure/identity');

async function browser() {
  const answer = await fetch(`${process.env.CONTROL}/_azsim/device`, { method: 'POST', body: JSON.stringify({ answer: 'approve', principal: 'ann' }) });
  if (!answer.ok) throw new Error(await answer.text());
}
(async () => {
  const { token } = await new DeviceCodeCredential({ tenantId: 'organizations', userPromptCallback: browser }).getToken('https://management.azure.com/.default');
  console.log(JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).upn);
})().catch((e) => { console.log(String(e.message).split('\n')[0]); });
