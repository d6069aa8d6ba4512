// SPDX-License-Identifier: MIT
// What clients of others' making show of a deferred answer: Apollo Client 3 (the format of 2022) and urql (the current
// one), every state that they tell. Argument: the router's URL.
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client/core/index.js';
import { Client, fetchExchange } from '@urql/core';

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

const urql = new Promise((resolve, reject) => {
  const states = [];
  const client = new Client({ url, exchanges: [fetchExchange], preferGetMethod: false });
  client.query(text, {}).subscribe(({ data, error, hasNext }) => {
    if (error) reject(error);
    states.push(bare(data));
    if (!hasNext) resolve(states);
  });
});

console.log(JSON.stringify({ apollo: await apollo, urql: await urql }));
process.exit(0);
