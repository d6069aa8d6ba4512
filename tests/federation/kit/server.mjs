// SPDX-License-Identifier: MIT
// All subgraphs of a test on one HTTP server, subgraph i at /i. Every request is remembered until `take` is called.
// `fault` may be set to a function ({ subgraph, body, index }) => fault or null; a fault is one of those in `spoil`.
import http from 'node:http';

const JSON_TYPE = { 'content-type': 'application/json' };

// Ways to answer badly. Each gets the good answer as an object and its text, and the request. None may look like a good
// answer: a plain list of another length or another value of a custom scalar would be none that a router can see.
const spoil = {
  status: (res) => res.writeHead(500, { 'content-type': 'text/plain' }).end('no'),
  statusWithBody: (res) => res.writeHead(503, JSON_TYPE).end('{"errors":[{"message":"busy"}],"data":null}'),
  cut: (res) => res.socket.destroy(),
  cutInside: (res, good, text) => {
    res.writeHead(200, { ...JSON_TYPE, 'content-length': Buffer.byteLength(text) });
    res.write(text.slice(0, Math.floor(text.length / 2)), () => setTimeout(() => res.socket?.destroy(), 5));
  },
  malformed: (res, good, text) => res.writeHead(200, JSON_TYPE).end(text.slice(0, Math.floor(text.length * 0.7))),
  rubbish: (res) => res.writeHead(200, JSON_TYPE).end('"a string"'),
  empty: (res) => res.writeHead(200, JSON_TYPE).end(''),
  nullData: (res) => res.writeHead(200, JSON_TYPE).end('{"data":null}'),
  errors: (res) => res.writeHead(200, JSON_TYPE).end('{"data":null,"errors":[{"message":"no data today"}]}'),
  fewer: (res, good, text, request) => sendWith(res, good, request, (list) => list.slice(1)),
  more: (res, good, text, request) => sendWith(res, good, request, (list) => [...list, null]),
  nulled: (res, good) => {
    const keys = Object.keys(good.data ?? {});
    if (!keys.length) return send(res, good);
    const errors = [...(good.errors ?? []), { message: 'lost', path: [keys[0]] }];
    return send(res, { data: { ...good.data, [keys[0]]: null }, errors });
  },
  wrongType: (res, good, text, { composite }) => {
    const data = { ...good.data };
    for (const key of composite) if (data[key]) data[key] = Array.isArray(data[key]) ? 'no list' : [1];
    return send(res, { ...good, data });
  },
  slow: (res, good) => setTimeout(() => send(res, good), 30),
};
export const FAULTS = Object.keys(spoil);

function send(res, answer) {
  res.writeHead(200, JSON_TYPE).end(JSON.stringify(answer));
}

// What subscribes gets one event.
function sendEvent(res, answer) {
  res.writeHead(200, { 'content-type': 'text/event-stream' }).end(`event: next\ndata: ${JSON.stringify(answer)}\n\nevent: complete\ndata:\n\n`);
}

function sendWith(res, good, { entities }, change) {
  const data = { ...good.data };
  for (const key of entities) if (data[key]) data[key] = change(data[key]);
  send(res, { ...good, data });
}

export class SubgraphServer {
  constructor() {
    this.subgraphs = [];
    this.requests = [];
    this.fault = null;
    this.http = http.createServer((req, res) => this.handle(req, res));
    this.http.keepAliveTimeout = 60000;
  }

  listen(port = 0) {
    return new Promise((done, fail) => {
      this.http.once('error', fail);
      this.http.listen(port, '127.0.0.1', () => done((this.port = this.http.address().port)));
    });
  }

  url(index) {
    return `http://127.0.0.1:${this.port}/${index}`;
  }

  use(subgraphs) {
    this.subgraphs = subgraphs;
    this.take();
  }

  take() {
    const requests = this.requests;
    this.requests = [];
    return requests;
  }

  handle(req, res) {
    const parts = [];
    req.on('error', () => {});
    req.on('data', (part) => parts.push(part));
    req.on('end', async () => {
      const subgraph = this.subgraphs[Number(req.url.slice(1))];
      let body;
      try {
        body = JSON.parse(Buffer.concat(parts).toString('utf8'));
      } catch {
        subgraph?.wrong('a body that is no JSON');
      }
      if (!subgraph || !body) return res.writeHead(404).end();
      const request = { subgraph: subgraph.name, query: body.query, variables: body.variables, index: this.requests.length };
      this.requests.push(request);
      const good = JSON.parse(JSON.stringify(await subgraph.run(body)));
      const fault = this.fault?.(request);
      request.fault = fault ?? undefined;
      if (req.headers.accept?.includes('text/event-stream')) sendEvent(res, good);
      else if (fault) spoil[fault](res, good, JSON.stringify(good), subgraph.rootKeys(body.query));
      else send(res, good);
    });
  }

  close() {
    this.http.closeAllConnections?.();
    return new Promise((done) => this.http.close(done));
  }
}
