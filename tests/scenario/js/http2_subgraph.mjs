// SPDX-License-Identifier: MIT
// A subgraph over HTTP/2, by node: h2c, or TLS with ALPN where CERT and KEY are given. Prints its port, and another where
// HTTP/1.1 tells what it saw: connections, the most requests under way at once, resets, protocols. What it does with a
// request stands in the header x-do: 'late' answers after 100 ms; 'refuse' resets the stream with REFUSED_STREAM the first
// time, 'refuse-always' each time; 'goaway' ends the connection politely after the answer; 'cut' destroys it amid the
// answer, 'cut-unseen' before it, the first time; 'reset' resets amid the answer; 'silent' never answers; 'large' answers
// 1 MiB more than asked; 'gzip' compresses.
import http from 'node:http';
import http2 from 'node:http2';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const { CERT, KEY, CA, STREAMS, PORT } = process.env;
const seen = { connections: 0, requests: 0, most: 0, resets: 0, protocols: [], authorization: [] };
const once = new Set();
let open = 0;

const settings = { maxConcurrentStreams: Number(STREAMS ?? 100) };
const server = CERT
  ? http2.createSecureServer({ cert: readFileSync(CERT), key: readFileSync(KEY), ca: CA && readFileSync(CA), allowHTTP1: true, settings })
  : http2.createServer({ settings });
server.on('session', () => seen.connections++);

function first(request, what) {
  const key = what + request.headers['x-id'];
  return once.has(key) ? false : !!once.add(key);
}

async function bodyOf(request) {
  let text = '';
  for await (const piece of request) text += piece;
  return JSON.parse(text);
}

function answer(body, more) {
  const entities = body.variables?.r1 ?? Object.values(body.variables ?? {}).find(Array.isArray);
  const data = entities ? { _entities: entities.map(({ id }) => ({ name: `name of ${id}` })) } : { park: { id: 'p1', name: 'Yosemite' }, visits: 7 };
  return Buffer.from(JSON.stringify({ data, extensions: { more } }));
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function serve(request, response) {
  const what = request.headers['x-do'] ?? '';
  seen.requests++;
  seen.most = Math.max(seen.most, ++open);
  response.on('close', () => open--);
  seen.protocols.push(request.httpVersion);
  seen.authorization.push(request.headers.authorization ?? null);
  if (what === 'refuse-always' || (what === 'refuse' && first(request, what))) {
    response.stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    return;
  }
  if (what === 'cut-unseen' && first(request, what)) {
    request.stream.session.destroy();
    return;
  }
  request.on('aborted', () => seen.resets++);
  const body = await bodyOf(request);
  if (what === 'late') await wait(100);
  if (what === 'silent') return;
  let bytes = answer(body, what === 'large' ? 'x'.repeat(1 << 20) : undefined);
  response.setHeader('content-type', 'application/json');
  response.setHeader('x-told', 'by node');
  if (what === 'gzip' && (request.headers['accept-encoding'] ?? '').includes('gzip')) {
    response.setHeader('content-encoding', 'gzip');
    bytes = gzipSync(bytes);
  }
  if (what === 'cut' || what === 'reset') {
    response.write(bytes.subarray(0, 20));
    await wait(20);
    if (what === 'cut') request.stream.session.destroy();
    else response.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    return;
  }
  response.end(bytes);
  if (what === 'goaway') request.stream.session.close();
}

server.on('request', serve);
server.on('sessionError', () => {});
server.listen(Number(PORT ?? 0), '127.0.0.1', () => {
  const side = http.createServer((request, response) => response.end(JSON.stringify(seen)));
  side.listen(0, '127.0.0.1', () => console.log(`${server.address().port} ${side.address().port}`));
});
