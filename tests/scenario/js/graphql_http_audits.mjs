// SPDX-License-Identifier: MIT
// Runs the audits of npm's graphql-http against URL with a bearer token: node graphql_http_audits.mjs URL TOKEN.
// Writes one JSON object: {audits: [{id, name, status, reason}], requests: [{method, url, headers, body}]}, where the
// requests are what the audits sent, so that they can be sent again in other ways.
import { serverAudits } from "graphql-http";

const [url, token] = process.argv.slice(2);
const requests = [];

async function fetchFn(target, init = {}) {
  const headers = { ...Object.fromEntries(new Headers(init.headers)), authorization: `Bearer ${token}` };
  requests.push({ method: init.method ?? "GET", url: String(target), headers, body: init.body ?? null });
  return fetch(target, { ...init, headers });
}

const audits = [];
for (const audit of serverAudits({ url, fetchFn })) {
  const result = await audit.fn();
  audits.push({ id: audit.id, name: audit.name, status: result.status, reason: result.reason ?? null });
}
console.log(JSON.stringify({ audits, requests }));
