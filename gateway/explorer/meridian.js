// SPDX-License-Identifier: MIT
// GraphiQL over this gateway, with a panel of our own: how fresh the last answer is, what it cost, where each part of it
// ran and why. Everything it shows stands in the answer's `extensions`.
"use strict";

(() => {
  const h = React.createElement;

  // ---- the last answer, which the panel follows ----

  const last = { answer: null, listeners: new Set() };

  function publish(answer) {
    last.answer = answer;
    last.listeners.forEach((listener) => listener(answer));
  }

  function useLast() {
    const [answer, set] = React.useState(last.answer);
    React.useEffect(() => {
      last.listeners.add(set);
      return () => last.listeners.delete(set);
    }, []);
    return answer;
  }

  async function fetcher(params, options) {
    const began = performance.now();
    const response = await fetch("/graphql", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/graphql-response+json, application/json;q=0.9",
        ...(options && options.headers),
      },
      body: JSON.stringify(params),
    });
    const body = await response.json();
    if (params.operationName !== "IntrospectionQuery") {
      publish({
        status: response.status,
        milliseconds: performance.now() - began,
        cache: response.headers.get("meridian-cache"),
        timing: response.headers.get("server-timing"),
        extensions: body.extensions || {},
      });
    }
    return body;
  }

  // ---- the panel ----

  const seconds = (value) => (value === null || value === undefined ? "unknown" : `${value.toFixed(1)} s`);
  const place = (one) => [one.tier, one.region, one.environment, one.facility, one.role === "replica" && "replica"].filter(Boolean).join(" / ");

  function table(key, head, rows) {
    return h("table", { key },
      h("thead", null, h("tr", null, head.map((word) => h("th", { key: word }, word)))),
      h("tbody", null, rows.map((cells, i) => h("tr", { key: i }, cells.map((cell, k) => h("td", { key: k }, cell))))));
  }

  function freshness(told) {
    if (!told) {
      return h("p", null, "No data from any placement.");
    }
    return h("div", { className: "meridian-freshness" },
      h("p", null, h("b", { className: told.stale ? "meridian-bad" : "meridian-good" }, told.stale ? "stale" : "fresh"),
        told.asOf ? ` as of ${told.asOf}, ${seconds(told.ageSeconds)} old when it was sent` : ", of unknown age"),
      told.warnings.map((text, i) => h("p", { key: i, className: "meridian-bad" }, text)),
      table("sources", ["source", "from", "age"], told.sources.map((one) => [
        one.source, place(one), h("span", { className: one.stale ? "meridian-bad" : "" }, seconds(one.ageSeconds),
          one.fromCache ? `, cached ${seconds(one.cacheAgeSeconds)} ago` : "")])));
  }

  function part(one, i) {
    return h("details", { key: i, className: "meridian-part" },
      h("summary", null, h("b", null, one.placement || "nowhere"),
        one.facilities.length ? ` for ${one.facilities.join(", ")}` : "", one.error ? ` – ${one.error}` : ""),
      table("considered", ["placement", "verdict"], one.considered.map((c) => [c.placement, c.verdict])),
      one.sql || one.graphql ? h("pre", null, one.sql || one.graphql) : null);
  }

  function plan(told) {
    if (!told) {
      return h("p", null, "Ask with the header ", h("code", null, "meridian-explain: plan"), " (roles developer, operator, service).");
    }
    return told.fetches.map((one) => h("div", { key: one.index, className: "meridian-fetch" },
      h("p", null, `${one.index}. `, h("b", null, one.name), ` from ${one.source} (${one.kind}`,
        one.after === null ? ")" : `, after ${one.after})`, one.parts.length > 1 ? `, ${one.parts.length} parts, ${one.combiner}` : ""),
      one.parts.map(part)));
  }

  function Panel() {
    const answer = useLast();
    if (!answer) {
      return h("div", { className: "meridian-panel" }, h("h2", null, "Answer"), h("p", null, "Run an operation."));
    }
    const { extensions } = answer;
    return h("div", { className: "meridian-panel" },
      h("h2", null, "Answer"),
      h("p", null, `status ${answer.status}, ${answer.milliseconds.toFixed(1)} ms here, cache ${answer.cache || "–"}`),
      answer.timing ? h("p", null, h("code", null, answer.timing)) : null,
      extensions.cost ? h("p", null, `estimated cost ${extensions.cost.estimated} of ${extensions.cost.limit}`) : null,
      h("h2", null, "Freshness"), freshness(extensions.freshness),
      h("h2", null, "Plan"), plan(extensions.plan));
  }

  function Icon() {
    return h("svg", { viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.5 },
      h("circle", { cx: 12, cy: 12, r: 9 }), h("path", { d: "M12 3v18M3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18" }));
  }

  const plugin = { title: "Freshness and plan", icon: Icon, content: Panel };

  const firstQuery = `# Meridian. Ctrl-Enter runs, Ctrl-Space completes; the globe at the left shows freshness and plan.
query Facilities {
  facilities {
    code
    name
    status { online dataFreshness { ageSeconds isStale servedBy region } }
  }
}
`;

  async function start() {
    const presets = await fetch("/explorer/presets.json").then((answer) => answer.json());
    const root = ReactDOM.createRoot(document.getElementById("explorer"));
    root.render(h(GraphiQL, {
      fetcher,
      plugins: [plugin],
      visiblePlugin: plugin,
      defaultQuery: firstQuery,
      headers: JSON.stringify(presets.headers, null, 2),
      defaultEditorToolsVisibility: "headers",
      shouldPersistHeaders: false,
    }));
  }

  start().catch((error) => {
    document.getElementById("explorer").textContent = String(error);
  });
})();
