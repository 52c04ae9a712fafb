import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cleanUp, startServer, tokenFor, startGuarded, CAMPAIGN } from '../support/server.ts';

/** A built page of two files. */
async function builtSite(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-site-'));
  cleanUp(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'assets'));
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>demo</title>');
  await writeFile(join(folder, 'assets', 'main-1234.js'), 'console.log(1)');
  return folder;
}

/** Sends bytes as they are, and returns all that comes back until the server closes the connection or is silent. */
async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
  socket.write(bytes);
  socket.setTimeout(500, () => socket.destroy());
  await once(socket, 'close');
  return answer;
}

const ranges = [
  'bytes=10-5',
  'bytes=0-99999999999999999999',
  'bytes=99999999999999999999-',
  'bytes= 3 - 5',
  'bytes=-0',
  'bytes=0-5,7-8',
  'bytes=NaN-Infinity',
  'bytes=5-',
  '\u00ff',
];

test.each(ranges)('H31 a range is ignored, whatever it says: %j', async (range) => {
  const { url } = await startServer({ site: await builtSite() });
  for (const path of ['/', '/assets/main-1234.js', '/campaigns/any']) {
    const response = await fetch(url + path, { headers: { range } });
    expect([path, response.status]).toEqual([path, 200]);
    expect(await response.text()).toMatch(path.startsWith('/assets') ? 'console.log(1)' : '<title>demo');
  }
});

test('H31 a file that is removed after the start is served from memory', async () => {
  const folder = await builtSite();
  const { url } = await startServer({ site: folder });
  await rm(folder, { recursive: true });
  expect(await (await fetch(url)).text()).toContain('<title>demo');
  expect((await fetch(`${url}/assets/main-1234.js`)).status).toBe(200);
  expect((await fetch(`${url}/assets/other.js`)).status).toBe(404);
});

const requests = [
  'GET / HTTP/1.1\r\nHost: localhost\r\nRange: bytes=10-5\r\nConnection: close\r\n\r\n',
  'GET * HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n\r\n',
  'GET // HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET /%ff%00 HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET http://[::/trpc HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET /trpc/%e0%a4%a HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET /trpc/a?connectionParams=%7B%7D HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET /trpc/a?connectionParams=5 HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET /constructor HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET /__proto__ HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: "\r\nAccept-Encoding: ;q=,br;q=x\r\n\r\n',
  'HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc',
  'POST /trpc/campaign.update HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n',
  'POST /trpc/campaign.update HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'POST /trpc/campaign.update HTTP/1.1\r\nHost: localhost\r\nExpect: 200-ok\r\nContent-Length: 2\r\n\r\n{}',
  'CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'GET / HTTP/1.0\r\n\r\n',
  'GET /trpc HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'GET /trpc HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n',
  'GET /trpc?connectionParams=1 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\u00ff\u00ff\u00ff',
  '\u0016\u0003\u0001\u0002\u0000\u0001\u0000',
];

test('H31 no request ends the process or another connection', async () => {
  const { url, port } = await startServer({ site: await builtSite() });
  for (const request of requests) {
    await exchange(port, request);
    expect([request, (await fetch(`${url}/livez`)).status]).toEqual([request, 200]);
  }
});

test('H31 a handler that throws ends its request alone, with 500', async () => {
  let broken = true;
  const { url, service } = await startServer();
  const { stats } = service;
  Object.assign(service, {
    stats: () => {
      if (broken) throw new Error('broken');
      return stats();
    },
  });
  for (const path of ['/readyz', '/metrics']) {
    const response = await fetch(url + path);
    expect([path, response.status]).toEqual([path, 500]);
    expect(await response.text()).not.toContain('broken');
  }
  broken = false;
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
});

test('H31 a lack of file descriptors ends neither the port nor that of the metrics', async () => {
  const free = await startServer();
  await free.close();
  const servers: Server[] = [];
  const { listen } = Server.prototype;
  Server.prototype.listen = function (this: Server, ...args: unknown[]) {
    servers.push(this);
    return Reflect.apply(listen, this, args) as Server;
  };
  const { url } = await startServer({ metricsPort: free.port }).finally(() => (Server.prototype.listen = listen));
  expect(servers).toHaveLength(2);
  for (const server of servers) server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  expect((await fetch(`http://127.0.0.1:${free.port}/metrics`)).status).toBe(200);
});

test('H31 POST /dev/kill does not exist where there is a key', async () => {
  let killed = 0;
  const { url } = await startGuarded({ kill: () => (killed += 1) });
  const headers = { authorization: `Bearer ${await tokenFor({ '*': 'admin' })}` };
  expect(await (await fetch(`${url}/dev`)).json()).toEqual({ kill: false });
  expect((await fetch(`${url}/dev/kill`, { method: 'POST', headers })).status).toBe(404);
  expect(killed).toBe(0);
});

test('H31 a client that goes in the middle of its body or of its answer leaves nothing behind', async () => {
  const { url, port } = await startServer();
  for (const bytes of [
    'POST /trpc/campaign.update HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    `GET /trpc/campaign.watch?input=${encodeURIComponent(JSON.stringify({ campaignId: CAMPAIGN }))} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  ]) {
    const socket = connect(port, '127.0.0.1');
    socket.write(bytes);
    await once(socket, 'connect');
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.resetAndDestroy();
  }
  expect((await fetch(`${url}/livez`)).status).toBe(200);
});

test.each(['TRACE', 'CONNECT'])('H31 a method that no procedure has is refused as such: %s', async (method) => {
  const { port } = await startServer();
  const target = method === 'CONNECT' ? '127.0.0.1:80' : '/trpc/campaign.get';
  const answer = await exchange(port, `${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
  // Node ends a CONNECT by itself.
  expect(answer).toMatch(method === 'CONNECT' ? /^$/ : /^HTTP\/1.1 405 [^]*allow: GET, POST/i);
  expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200);
});
