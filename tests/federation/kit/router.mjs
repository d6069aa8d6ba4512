// SPDX-License-Identifier: MIT
// The router under test: started over a supergraph file, asked over HTTP, stopped by its id.
//
// `command` is a line for sh with $SUPERGRAPH, $LISTEN (host:port) and $PORT in its environment; it is ready when it
// prints a line that begins with "ready ".
import { spawn } from 'node:child_process';
import http from 'node:http';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const SUPPRESSIONS = fileURLToPath(new URL('../../lsan.supp', import.meta.url));

// Routers that run: none outlives this process.
const running = new Set();
process.on('exit', () => {
  for (const router of running) router.signal('SIGKILL');
});
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(name, () => process.exit(130));

export function freePort() {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
}

export class Router {
  constructor(command) {
    this.command = command;
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
    this.log = '';
  }

  async start(supergraph) {
    this.port = await freePort();
    const env = { LSAN_OPTIONS: `suppressions=${SUPPRESSIONS}:print_suppressions=0`, ...process.env, SUPERGRAPH: supergraph, PORT: String(this.port), LISTEN: `127.0.0.1:${this.port}` };
    this.process = spawn('sh', ['-c', this.command], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    running.add(this);
    this.ended = new Promise((done) => this.process.once('exit', (code, signal) => {
      running.delete(this);
      done((this.exit = signal ?? code));
    }));
    this.process.stderr.on('data', (bytes) => this.heard(String(bytes)));
    const ready = new Promise((done) => {
      let out = '';
      this.process.stdout.on('data', (bytes) => {
        out += bytes;
        if (/^ready /m.test(out)) done('ready');
      });
    });
    const late = new Promise((done) => setTimeout(done, 20000, 'late').unref());
    const how = await Promise.race([ready, this.ended, late]);
    if (how !== 'ready') {
      await this.stop();
      throw new Error(how === 'late' ? 'the router did not get ready' : `the router ended with ${how}: ${this.log}`);
    }
  }

  heard(text) {
    if (!this.found && /(Sanitizer|runtime error): /.test(text)) this.found = text.slice(0, 6000);
    this.log = (this.log + text).slice(-20000);
  }

  // What was wrong with its whole life, once it is stopped: a sanitizer's finding, a status that is no good end.
  trouble() {
    if (this.found) return this.found;
    return [0, 143, 'SIGTERM'].includes(this.exit) ? null : `the router ended with ${this.exit}: ${this.log.slice(-3000)}`;
  }

  // { status, text } or { error }: no answer within `patience` ms is an error too.
  ask(request, patience = 10000, accept = 'application/json', more = {}) {
    const body = Buffer.from(JSON.stringify(request));
    const headers = { 'content-type': 'application/json', accept, 'content-length': body.length, ...more };
    return new Promise((done) => {
      const req = http.request({ port: this.port, path: '/graphql', method: 'POST', agent: this.agent, headers }, (res) => {
        const parts = [];
        res.on('data', (part) => parts.push(part));
        res.on('end', () => done({ status: res.statusCode, text: Buffer.concat(parts).toString('utf8') }));
        res.on('error', (e) => done({ error: e.message }));
      });
      req.setTimeout(patience, () => req.destroy(new Error(`no answer within ${patience} ms`)));
      req.on('error', (e) => done({ error: e.message }));
      req.end(body);
    });
  }

  async stop() {
    this.agent.destroy();
    if (this.exit === undefined) {
      this.signal('SIGTERM');
      const late = setTimeout(() => this.signal('SIGKILL'), 5000);
      await this.ended;
      clearTimeout(late);
    }
    return this.exit;
  }

  signal(name) {
    try {
      process.kill(-this.process.pid, name);
    } catch {
      // it has ended
    }
  }
}
