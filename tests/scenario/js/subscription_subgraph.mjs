// SPDX-License-Identifier: MIT
// A subgraph of others' making: graphql-js behind graphql-ws and graphql-sse. Prints its port; answers _entities too.
import http from 'node:http';
import { execute, subscribe, buildSchema } from 'graphql';
import { createHandler } from 'graphql-sse/lib/use/http';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';

const schema = buildSchema(`
  type Query { park: Park }
  type Subscription { visited(of: Int): Park }
  type Park { id: ID! crowd: Int }`);

const rootValue = {
  visited: async function* ({ of: count }) {
    for (let i = 0; i < count; i++) {
      yield { visited: { id: `p${i}`, crowd: i } };
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  },
};

const events = createHandler({
  schema,
  execute: (args) => execute({ ...args, rootValue }),
  subscribe: (args) => subscribe({ ...args, rootValue }),
});

const server = http.createServer(async (request, response) => {
  if ((request.headers.accept ?? '').includes('text/event-stream')) {
    await events(request, response);
    return;
  }
  let body = '';
  for await (const piece of request) {
    body += piece;
  }
  const [representations] = Object.values(JSON.parse(body).variables);
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ data: { _entities: representations.map(({ id }) => ({ name: `name of ${id}` })) } }));
});

useServer({ schema, roots: { subscription: rootValue } }, new WebSocketServer({ server, path: '/graphql' }));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
