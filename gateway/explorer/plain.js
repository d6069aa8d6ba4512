// SPDX-License-Identifier: MIT
// The explorer without GraphiQL: a form and the answer.
"use strict";

const byId = (id) => document.getElementById(id);

async function run() {
  const answer = await fetch("/graphql", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json, application/json;q=0.9",
      ...JSON.parse(byId("headers").value || "{}"),
    },
    body: JSON.stringify({ query: byId("query").value, variables: JSON.parse(byId("variables").value || "{}") }),
  });
  byId("answer").textContent = JSON.stringify(await answer.json(), null, 2);
}

byId("run").onclick = () => run().catch((error) => (byId("answer").textContent = String(error)));
fetch("/explorer/presets.json")
  .then((answer) => answer.json())
  .then((presets) => (byId("headers").value = JSON.stringify(presets.headers, null, 2)));
