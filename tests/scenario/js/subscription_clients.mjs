// SPDX-License-Identifier: MIT
// What clients of others' making get: graphql-ws, graphql-sse and Apollo's (multipart). Argument: the router's URL.
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client/core/index.js';
import { createClient as createSse } from 'graphql-sse';
import { createClient as createWs } from 'graphql-ws';
import WebSocket from 'ws';

const url = process.argv[2];
const query = 'subscription S($n: Int) { visited(of: $n) { id name crowd } }';

const take = (begin) =>
  new Promise((resolve) => {
    const next = [];
    begin({
      next: (value) => next.push(value.data),
      error: (error) => resolve({ next, error: Array.isArray(error) ? error[0].extensions.code : error.message }),
      complete: () => resolve({ next }),
    });
  });
const by = (client, text, n) => take((sink) => client.subscribe({ query: text, variables: { n } }, sink));

const ws = createWs({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 });
const sse = createSse({ url, retryAttempts: 0 });
const apollo = new ApolloClient({ cache: new InMemoryCache(), link: new HttpLink({ uri: url }) });

const many = await Promise.all([...Array(20)].map((_, i) => by(ws, query, i % 4)));
const told = {
  ws: await by(ws, query, 3),
  wsQuery: await by(ws, '{ __typename }'),
  wsWrong: await by(ws, '{ nothing }'),
  many: many.map(({ next }) => next.length),
  sse: await by(sse, query, 3),
  sseQuery: await by(sse, '{ __typename }'),
  sseWrong: await by(sse, '{ nothing }'),
  apollo: await take((sink) => apollo.subscribe({ query: gql(query), variables: { n: 3 } }).subscribe(sink)),
};
await ws.dispose();
sse.dispose();
console.log(JSON.stringify(told));
process.exit(0);
