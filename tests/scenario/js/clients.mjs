// SPDX-License-Identifier: MIT
// node clients.mjs URL TOKEN FACILITY: Apollo Client and urql, as frontends set them up, each run a query, the next page,
// a refetch and an automatic persisted query. Says what each saw: {apollo, urql: {query, pages, refetched, sent}}.
import { createHash } from "node:crypto";
import apollo from "@apollo/client/core/core.cjs";
import apolloPersisted from "@apollo/client/link/persisted-queries/persisted-queries.cjs";
import { Client, cacheExchange, fetchExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";

const [url, token, facility] = process.argv.slice(2);
const headers = { authorization: `Bearer ${token}` };
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const { ApolloClient, InMemoryCache, HttpLink, gql } = apollo;

const facilities = (name) => `query ${name} { facilities { code name } }`;
const page = (name) => `query ${name}($f: ID!, $after: String) {
  orders(facilityIds: [$f], first: 5, after: $after) { edges { node { id orderNo } } pageInfo { endCursor hasNextPage } } }`;

// Every request that goes out, and its answer's status.
function watched() {
  const sent = [];
  const fetchFn = async (target, init = {}) => {
    const response = await fetch(target, init);
    const text = init.body ?? decodeURIComponent(String(target));
    sent.push({ method: init.method ?? "GET", status: response.status, withText: text.includes("facilities") || text.includes("orders"),
                withHash: text.includes("sha256Hash") });
    return response;
  };
  return { sent, fetchFn };
}

const rows = (orders) => orders.edges.map((edge) => edge.node.orderNo);

async function runApollo() {
  const { sent, fetchFn } = watched();
  const http = new HttpLink({ uri: url, headers, fetch: fetchFn });
  const client = new ApolloClient({ cache: new InMemoryCache(), link: http });
  const query = (await client.query({ query: gql(facilities("ApolloList")) })).data.facilities;
  const first = (await client.query({ query: gql(page("ApolloPage")), variables: { f: facility } })).data.orders;
  const second = (await client.query({ query: gql(page("ApolloPage")), variables: { f: facility, after: first.pageInfo.endCursor } })).data.orders;
  const refetched = (await client.query({ query: gql(facilities("ApolloList")), fetchPolicy: "network-only" })).data.facilities;
  const persisted = apolloPersisted.createPersistedQueryLink({ sha256, useGETForHashedQueries: true }).concat(http);
  const plain = sent.length;
  for (let i = 0; i < 2; i++) {
    const byHash = new ApolloClient({ cache: new InMemoryCache(), link: persisted });
    await byHash.query({ query: gql(facilities("ApolloPersisted")) });
  }
  return { query, pages: [rows(first), rows(second)], refetched, sent: sent.slice(plain) };
}

async function runUrql() {
  const { sent, fetchFn } = watched();
  const make = (...more) => new Client({ url, fetch: fetchFn, fetchOptions: { headers }, preferGetMethod: false,
                                         exchanges: [cacheExchange, ...more, fetchExchange] });
  const ask = async (client, text, variables = {}, context = {}) => {
    const result = await client.query(text, variables, context).toPromise();
    if (result.error) throw result.error;
    return result.data;
  };
  const client = make();
  const query = (await ask(client, facilities("UrqlList"))).facilities;
  const first = (await ask(client, page("UrqlPage"), { f: facility })).orders;
  const second = (await ask(client, page("UrqlPage"), { f: facility, after: first.pageInfo.endCursor })).orders;
  const refetched = (await ask(client, facilities("UrqlList"), {}, { requestPolicy: "network-only" })).facilities;
  const plain = sent.length;
  for (let i = 0; i < 2; i++) {
    await ask(make(persistedExchange({ preferGetForPersistedQueries: true, generateHash: async (text) => sha256(text) })), facilities("UrqlPersisted"));
  }
  return { query, pages: [rows(first), rows(second)], refetched, sent: sent.slice(plain) };
}

const clean = (list) => list.map(({ code, name }) => ({ code, name }));
const told = { apollo: await runApollo(), urql: await runUrql() };
for (const one of Object.values(told)) {
  one.query = clean(one.query);
  one.refetched = clean(one.refetched);
}
console.log(JSON.stringify(told));
process.exit(0);
