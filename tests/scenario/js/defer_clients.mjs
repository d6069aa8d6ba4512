// SPDX-License-Identifier: MIT
// What clients of others' making show of a deferred answer, every state that they tell: Apollo Client 3 (the format of
// 2022), Apollo Client 4 (by each of its handlers) and urql (the current format). Argument: the router's URL.
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client/core/index.js';
import { Client, fetchExchange } from '@urql/core';
import { ApolloClient as Client4, HttpLink as Link4, InMemoryCache as Cache4 } from 'apollo-client-4';
import * as handlers from 'apollo-client-4/incremental';

const url = process.argv[2];
const text = '{ things { id ... @defer(label: "stock") { count shelf { id ... @defer(label: "note") { note } } } } }';
const bare = (value) => JSON.parse(JSON.stringify(value, (key, each) => (key === '__typename' ? undefined : each)));

const apollo = new Promise((resolve, reject) => {
  const states = [];
  const client = new ApolloClient({ cache: new InMemoryCache(), link: new HttpLink({ uri: url }) });
  client.watchQuery({ query: gql(text), fetchPolicy: 'network-only' }).subscribe({
    next: ({ data, networkStatus, loading, partial }) => {
      if (data && !partial) states.push(bare(data));
      if (data?.things?.[1]?.shelf?.note) resolve(states);
    },
    error: reject,
  });
});

const apollo4 = (Handler) =>
  new Promise((resolve, reject) => {
    const states = [];
    const client = new Client4({ cache: new Cache4(), link: new Link4({ uri: url }), incrementalHandler: new Handler() });
    client.watchQuery({ query: gql(text), fetchPolicy: 'network-only' }).subscribe(({ data, dataState, error }) => {
      if (error) reject(error);
      if (data) states.push(bare(data));
      if (dataState === 'complete') resolve(states);
    });
  });

const urql = new Promise((resolve, reject) => {
  const states = [];
  const client = new Client({ url, exchanges: [fetchExchange], preferGetMethod: false });
  client.query(text, {}).subscribe(({ data, error, hasNext }) => {
    if (error) reject(error);
    states.push(bare(data));
    if (!hasNext) resolve(states);
  });
});

console.log(
  JSON.stringify({
    apollo: await apollo,
    urql: await urql,
    apollo4of2022: await apollo4(handlers.Defer20220824Handler),
    apollo4: await apollo4(handlers.GraphQL17Alpha9Handler),
  }),
);
process.exit(0);
