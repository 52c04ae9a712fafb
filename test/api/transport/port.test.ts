import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createMemoryArchive } from '../../../server/index.ts';
import { refusedUpgrade, rawSocket, watch, wsClient } from '../support/clients.ts';
import { CAMPAIGN, cleanUp, startServer, until } from '../support/server.ts';

/** A request with headers that `fetch` does not allow. */
function ask(url: string, path: string, headers: Record<string, string>, method = 'GET') {
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }>((resolve, reject) => {
    const sent = request(`${url}${path}`, { method, headers }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      // An SSE stream has no end: its head is the answer.
      if (response.headers['content-type'] === 'text/event-stream') {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        sent.destroy();
      }
    });
    sent.on('error', reject);
    sent.end();
  });
}

const get = `/trpc/campaign.get?input=${encodeURIComponent(JSON.stringify({ campaignId: CAMPAIGN }))}`;

describe('H1 health', () => {
  test('H1 the probes answer 200, and the server is ready', async () => {
    const { url } = await startServer();
    for (const path of ['/livez', '/healthz', '/readyz']) expect((await fetch(url + path)).status).toBe(200);
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({
      status: 'ready',
      archive: { status: 'ok' },
      log: { status: 'ok' },
    });
  });

  test('H1 an archive that fails changes the body of /readyz, never its status', async () => {
    const archive = createMemoryArchive();
    let broken = true;
    const { url } = await startServer({
      archive: { ...archive, commit: (parts) => (broken ? Promise.reject(new Error('away')) : archive.commit(parts)) },
    });
    const client = wsClient(url);
    await client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Live' } });
    const isStatus = async (status: string): Promise<boolean> =>
      (await (await fetch(`${url}/readyz`)).text()).includes(`"status":"${status}"`);
    await until(() => isStatus('degraded'));
    const response = await fetch(`${url}/readyz`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ archive: { status: 'failing', backlogEntries: 1 } });
    broken = false;
    await until(() => isStatus('ready'));
  });
});

describe('H2 pages of other origins are refused', () => {
  const refused: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { host: 'evil.example' },
    { host: 'evil.example:4000', origin: 'http://evil.example:4000' },
    { host: 'localhost.evil.example' },
    { host: 'user@localhost' },
    { host: 'evil.example#@localhost' },
  ];
  test.each(refused)('H2 refused on http, SSE and ws: %j', async (headers) => {
    const { url } = await startServer();
    for (const path of [get, '/trpc/campaign.watch', '/', '/dev']) {
      const { status, body, headers: answered } = await ask(url, path, headers);
      expect([path, status]).toEqual([path, 403]);
      expect(body).toMatch(/ALLOWED_ORIGINS/);
      expect(answered).not.toHaveProperty('access-control-allow-origin');
    }
    const upgrade = await refusedUpgrade(url, headers);
    expect(upgrade).toMatchObject({ status: 403, message: expect.stringContaining('ALLOWED_ORIGINS') });
    for (const path of ['/readyz', '/metrics']) expect((await ask(url, path, headers)).status).toBe(403);
    const liveness = await ask(url, '/livez', headers);
    expect(liveness).toMatchObject({ status: 200, body: '{"status":"ok"}' });
    expect(liveness.headers).not.toHaveProperty('access-control-allow-origin');
  });

  test('H2 the same origin, loopback, allowed origins, and no origin pass', async () => {
    const { url, port } = await startServer({ allowedOrigins: ['https://app.example.com'] });
    const passing: Record<string, string>[] = [
      {},
      { origin: `http://127.0.0.1:${port}` },
      { origin: 'http://localhost:5173' },
      { origin: 'http://[::1]:5173' },
      { host: `localhost:${port}`, origin: 'https://app.example.com' },
      { host: 'app.example.com', origin: 'https://app.example.com' },
      { host: '192.168.1.7:4000', origin: 'http://192.168.1.7:4000' },
    ];
    for (const headers of passing) {
      expect([headers, (await ask(url, get, headers)).status]).toEqual([headers, 200]);
      expect((await ask(url, '/trpc/campaign.watch', headers)).status).toBe(200);
      (await rawSocket(url, { headers })).socket.terminate();
    }
  });

  test('H2 CORS headers tell a browser what is allowed', async () => {
    const { url } = await startServer({ allowedOrigins: ['https://app.example.com'] });
    const origin = 'https://app.example.com';
    const preflight = await ask(
      url,
      '/trpc/campaign.update',
      { origin, 'access-control-request-method': 'POST' },
      'OPTIONS',
    );
    expect(preflight).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': origin,
        'access-control-allow-methods': expect.stringContaining('POST'),
        'access-control-allow-headers': expect.stringMatching(/authorization.*x-campaign-contract.*x-correlation-id/),
      },
    });
    const { headers } = await ask(url, get, { origin });
    expect(headers).toMatchObject({ 'access-control-allow-origin': origin, vary: expect.stringContaining('origin') });
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
    expect((await ask(url, '/trpc/campaign.update', { origin: 'https://evil.example' }, 'OPTIONS')).status).toBe(403);
  });

  test('H2 probes and scrapes may use internal host names, or none', async () => {
    const { url } = await startServer();
    for (const host of ['instance-1:4000', 'campaigns.prod.svc.cluster.local', 'campaigns.prod.svc:4000', '10.0.0.7']) {
      for (const path of ['/readyz', '/metrics'])
        expect([host, (await ask(url, path, { host })).status]).toEqual([host, 200]);
      expect([host, (await ask(url, get, { host })).status]).toEqual([host, host === '10.0.0.7' ? 200 : 403]);
    }
  });

  test('H2 extensions can be allowed, and /livez and tracing headers are open to allowed pages', async () => {
    const extension = 'chrome-extension://abcdefghijklmnop';
    const { url } = await startServer({ allowedOrigins: ['https://app.example.com', extension] });
    for (const origin of ['https://app.example.com', extension]) {
      for (const path of ['/livez', get]) {
        expect((await ask(url, path, { origin })).headers).toMatchObject({ 'access-control-allow-origin': origin });
        const preflight = await ask(url, path, { origin, 'access-control-request-method': 'GET' }, 'OPTIONS');
        expect(preflight.status).toBe(204);
        expect(String(preflight.headers['access-control-allow-headers']).split(', ')).toEqual(
          expect.arrayContaining(['traceparent', 'tracestate', 'baggage', 'sentry-trace']),
        );
      }
    }
    expect((await ask(url, get, { origin: 'chrome-extension://other' })).status).toBe(403);
  });

  test('H2 an origin that can never match stops the start', async () => {
    for (const origin of ['https://*.example.com', 'https://app.example.com/path', 'app.example.com'])
      await expect(startServer({ allowedOrigins: [origin] })).rejects.toThrow(/is not one that a browser sends/);
  });

  test('H2 * allows all', async () => {
    const { url } = await startServer({ allowedOrigins: ['*'] });
    expect((await ask(url, get, { origin: 'https://any.example', host: 'some.example' })).status).toBe(200);
  });

  test.each(['user@localhost', 'a b', '[::', 'localhost:99999', 'a/b', 'a#b', '\\'])(
    'H2 with * a Host that cannot be read is a bad request, on http, SSE and ws: %j',
    async (host) => {
      const { url } = await startServer({ allowedOrigins: ['*'] });
      for (const path of [get, '/trpc/campaign.watch', '/', '/dev']) {
        expect([path, await ask(url, path, { host })]).toMatchObject([
          path,
          { status: 400, body: expect.stringMatching(/^Host "[^\n]*" cannot be read$/) },
        ]);
      }
      expect(await refusedUpgrade(url, { host })).toMatchObject({
        status: 400,
        message: expect.stringContaining('cannot be read'),
      });
    },
  );
});

describe('H6 metrics', () => {
  const promised = [
    'connections',
    'subscribers',
    'campaigns_loaded',
    'queued_weight',
    'mutations_total',
    'mutation_duration_seconds_bucket',
    'fan_out_duration_seconds_bucket',
    'deliveries_total',
    'joins_total',
    'reader_drops_total',
    'clock_offset_seconds',
    'tcp_connections',
    'unsent_bytes',
    'unfinished_bytes',
    'log_lines_dropped_total',
    'connections_cut_total',
    'archive_lag_entries',
    'archive_lag_seconds',
    'archive_batch_entries_bucket',
    'archive_failures_total',
    'failures_total',
    'evictions_total',
    'nodejs_eventloop_lag_seconds',
  ];

  test('H6 all documented metrics are shown, without campaign ids', async () => {
    const { url, service } = await startServer();
    const client = wsClient(url);
    const watching = watch(client, { campaignId: CAMPAIGN });
    await until(() => watching.events.length > 0);
    await client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'A' } });
    await client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 5 } }).catch(() => undefined);
    await until(() => watching.mirror.version === 2 && service.stats().archive.backlogEntries === 0);
    const text = await (await fetch(`${url}/metrics`)).text();
    const values = new Map(
      [...text.matchAll(/^(campaign_state_\S+) (\S+)$/gm)].map(([, name, value]) => [name, Number(value)]),
    );
    for (const name of promised)
      expect([...values.keys()].some((key) => key?.startsWith(`campaign_state_${name}`))).toBe(true);
    expect(values.get('campaign_state_connections{transport="ws"}')).toBe(1);
    expect(values.get('campaign_state_subscribers')).toBe(1);
    expect(values.get('campaign_state_mutations_total{type="update",outcome="accepted",reason=""}')).toBe(1);
    expect(values.get('campaign_state_mutations_total{type="update",outcome="rejected",reason="INVALID"}')).toBe(1);
    expect(values.get('campaign_state_joins_total{outcome="start"}')).toBe(1);
    expect(values.get('campaign_state_deliveries_total')).toBe(2);
    expect(text).not.toContain(CAMPAIGN);
  });

  test('H6 /metrics on a separate port', async () => {
    const free = await startServer();
    await free.close();
    const { url } = await startServer({ metricsPort: free.port });
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
    expect(await (await fetch(`http://127.0.0.1:${free.port}/metrics`)).text()).toContain('campaign_state_subscribers');
  });
});

describe('H8 the demo', () => {
  async function builtSite(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'campaign-site-'));
    cleanUp(() => rm(folder, { recursive: true }));
    await mkdir(join(folder, 'assets'));
    await writeFile(join(folder, 'index.html'), '<!doctype html><title>demo</title>');
    await writeFile(join(folder, 'audience.html'), '<!doctype html><title>audience</title>');
    await writeFile(join(folder, 'assets', 'main-1234.js'), 'console.log(1)');
    return folder;
  }

  test('H8 files are served with security headers, and index.html for every path that is not a file', async () => {
    const { url } = await startServer({ site: await builtSite() });
    for (const path of ['/', '/campaigns/spring']) {
      const page = await fetch(url + path);
      expect(await page.text()).toContain('<title>demo');
      expect(page.headers.get('cache-control')).toBe('no-cache');
      expect(page.headers.get('content-security-policy')).toMatch(/default-src 'self'.*frame-ancestors 'self'/);
      expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    }
    expect(await (await fetch(`${url}/audience.html`)).text()).toContain('<title>audience');
    const script = await fetch(`${url}/assets/main-1234.js`);
    expect(script.headers.get('cache-control')).toMatch(/max-age=31536000, immutable/);
    for (const path of ['/../package.json', '/assets/..%2f..%2fpackage.json', '/assets/missing.js']) {
      expect((await ask(url, path, {})).body).not.toContain('"name"');
    }
    expect((await fetch(url, { method: 'POST' })).status).toBe(405);
  });

  test('H8 files that the build has compressed are sent to clients that accept it, and are revalidated', async () => {
    const folder = await builtSite();
    await writeFile(join(folder, 'assets', 'main-1234.js.br'), 'brotli');
    await writeFile(join(folder, 'assets', 'main-1234.js.gz'), 'gzipped');
    const { url } = await startServer({ site: folder });
    const script = (accepted: string) => ask(url, '/assets/main-1234.js', { 'accept-encoding': accepted });
    const encoded: [string, string | undefined, string][] = [
      ['gzip, deflate, br, zstd', 'br', 'brotli'],
      ['br;q=0.1, gzip;q=1', 'br', 'brotli'],
      ['GZIP', 'gzip', 'gzipped'],
      ['br;q=0, gzip', 'gzip', 'gzipped'],
      ['br;q=0.0, gzip; q=0', undefined, 'console.log(1)'],
      ['identity', undefined, 'console.log(1)'],
      ['', undefined, 'console.log(1)'],
    ];
    for (const [accepted, encoding, body] of encoded) {
      const { headers, body: got } = await script(accepted);
      expect([accepted, headers['content-encoding'], got]).toEqual([accepted, encoding, body]);
      expect(headers).toMatchObject({ 'content-type': 'text/javascript;charset=utf-8', vary: 'accept-encoding' });
      const again = await ask(url, '/assets/main-1234.js', {
        'accept-encoding': accepted,
        'if-none-match': `"other", W/${String(headers.etag)}`,
      });
      expect([again.status, again.body]).toEqual([304, '']);
    }
    expect((await ask(url, '/assets/main-1234.js.br', {})).status).toBe(404);
    expect((await ask(url, '/assets/main-1234.js', {}, 'HEAD')).headers['content-length']).toBe('14');
  });

  test('H8 with a 404.html every other path is not found, and says so with that page', async () => {
    const folder = await builtSite();
    await writeFile(join(folder, '404.html'), '<!doctype html><title>nothing here</title>');
    const { url } = await startServer({ site: folder });
    for (const path of ['/nowhere', '/campaigns/spring']) {
      const page = await fetch(url + path);
      expect([page.status, await page.text()]).toEqual([404, expect.stringContaining('nothing here')]);
      expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
      const again = await fetch(url + path, { headers: { 'if-none-match': page.headers.get('etag') ?? '' } });
      expect(again.status).toBe(404);
    }
    for (const path of ['/', '/index.html', '/audience', '/audience.html'])
      expect((await fetch(url + path)).status).toBe(200);
    expect((await fetch(`${url}/nowhere`, { method: 'HEAD' })).status).toBe(404);
  });

  test('H8 a page says how to build the demo where it is not built', async () => {
    const { url } = await startServer({ site: '/nowhere' });
    const page = await fetch(url);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('npm run build');
    expect((await fetch(`${url}/any`)).status).toBe(404);
  });
});

describe('H9 /dev', () => {
  test('H9 POST /dev/kill kills a server that allows it', async () => {
    let killed = 0;
    const { url } = await startServer({ kill: () => (killed += 1) });
    expect(await (await fetch(`${url}/dev`)).json()).toEqual({ kill: true });
    expect((await fetch(`${url}/dev/kill`)).status).toBe(404);
    expect(killed).toBe(0);
    expect((await ask(url, '/dev/kill', { origin: 'https://evil.example' }, 'POST')).status).toBe(403);
    expect(killed).toBe(0);
    expect((await fetch(`${url}/dev/kill`, { method: 'POST' })).status).toBe(202);
    await until(() => killed === 1);
  });

  test('H9 the path does not exist otherwise', async () => {
    const { url } = await startServer();
    expect(await (await fetch(`${url}/dev`)).json()).toEqual({ kill: false });
    expect((await fetch(`${url}/dev/kill`, { method: 'POST' })).status).toBe(404);
  });
});

test('H37 requests that are no calls are paid for by address: beyond its budget they wait, then get 429', async () => {
  const { url } = await startServer({ callLimit: 50, allowedOrigins: ['https://app.example.com'] });
  const origin = 'https://app.example.com';
  const flood = await Promise.all(
    Array.from({ length: 300 }, (_, index) =>
      index % 2 === 0 ? ask(url, '/nowhere.js', {}) : ask(url, get, { origin }, 'OPTIONS'),
    ),
  );
  const statuses = new Set(flood.map(({ status }) => status));
  expect(statuses).toEqual(new Set([404, 204, 429]));
  expect(flood.find(({ status }) => status === 429)?.headers).toMatchObject({ 'retry-after': '1' });
  // Probes are answered, if later.
  for (const path of ['/livez', '/readyz', '/metrics']) expect((await fetch(url + path)).status).toBe(200);
});

/** The system's bound for the listen backlog, where it can be read. */
const systemBacklog = Number(await readFile('/proc/sys/net/core/somaxconn', 'utf8').catch(() => '0'));

test.skipIf(systemBacklog < 1_000)(
  'H18 a thousand connections at one moment all fit into the listen backlog',
  async () => {
    const { url } = await startServer();
    let connected = 0;
    // In one turn of the event loop that the server shares: it accepts none before all have been opened.
    const sockets = Array.from({ length: 1_000 }, (): Socket =>
      connect(Number(new URL(url).port), '127.0.0.1', () => (connected += 1)),
    );
    cleanUp(() => sockets.forEach((socket) => socket.destroy()));
    // A connection that did not fit is retried by the system after a second, and not within these turns.
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(connected).toBe(1_000);
  },
);
