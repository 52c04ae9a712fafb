import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'tsdown';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer } from './support/server.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SDK = join(ROOT, 'client-sdk');
const TOOLS = join(ROOT, 'test/tools/node_modules/.bin');
const INSTALL = { timeout: 600_000 };

const run = promisify(execFile);
let folder = '';
let tarball = '';

/** Runs a command; its words are the error's when it fails. */
async function sh(command: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    return (await run(command, args, { cwd, maxBuffer: 32 * 1024 * 1024 })).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error });
  }
}

async function project(name: string, packages: readonly string[], files: Record<string, string>): Promise<string> {
  const at = join(folder, name);
  await mkdir(at);
  await writeFile(join(at, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }));
  await sh(
    'npm',
    ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', tarball, ...packages],
    at,
  );
  for (const [file, content] of Object.entries(files)) await writeFile(join(at, file), content);
  return at;
}

// The package as it would be published, built in a place of its own: others may be building in the workspace.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'campaign-sdk-'));
  const published = join(folder, 'package');
  await mkdir(published);
  await sh('npx', ['tsdown', '--out-dir', join(published, 'dist')], SDK);
  for (const file of ['package.json', 'README.md', 'PROTOCOL.md', 'MIGRATION.md', 'THIRD_PARTY_LICENSES.txt'])
    await cp(join(SDK, file), join(published, file));
  const [packed] = JSON.parse(
    await sh('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], published),
  ) as { filename: string }[];
  tarball = join(folder, packed?.filename ?? '');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const VANILLA = `
import { createCampaignClient, CampaignError, type CampaignSnapshot, type Receipt } from '@campaign-state/client';

const client = createCampaignClient({ url: 'http://127.0.0.1:4000', token: () => 'token' });
const campaign = client.campaign('spring');
const change = campaign.update({ title: 'Hello', description: null, ui_content: { banner: 'b', anything: { goes: 1 } } });
export const receipt: Receipt = await change;
export const durable: Receipt = await change.durable;
campaign.updateConfig('theme', { dark: true }, 'replace');
campaign.batch((c) => c.update({ title: 'x' }).updateFeatures(['a'], 'add'));
export const snapshot: CampaignSnapshot = campaign.getSnapshot();
export const title: string | undefined = snapshot.state.title;
export const list = (await client.trpc.campaign.list.query({ limit: 10 })).items.map((item): string => item.title);
client.trpc.campaign.watch.subscribe({ campaignId: 'spring' }, {
  onData: ({ id, data }) => { const at: string = id; if (data.type === 'entries') for (const entry of data.entries) console.log(at, entry.version, entry.change); },
});
change.catch((error: unknown) => { if (error instanceof CampaignError) console.log(error.reason, error.path, error.retryable); });

// @ts-expect-error a number is no title
campaign.update({ title: 1 });
// @ts-expect-error no such action
campaign.updateFeatures(['a'], 'toggle');
// @ts-expect-error no such section
campaign.updateConfig('nonsense', {});
// @ts-expect-error no such status
campaign.update({ status: 'gone' });
// @ts-expect-error the id is missing
await client.trpc.campaign.get.query({});
`;

const REACT = `
import { createCampaignClient } from '@campaign-state/client';
import { CampaignProvider, trpc, useCampaign, useCampaignState, useCampaignUpdates, useServiceState, useSyncStatus } from '@campaign-state/client/react';
import { CampaignTestProvider, createTestCampaign } from '@campaign-state/client/testing';

const client = createCampaignClient({ url: 'http://127.0.0.1:4000' });

function Page() {
  const { state, status } = useCampaignState();
  const banner: string | undefined = useCampaign((s) => s.ui_content?.banner);
  const { updateCampaign } = useCampaignUpdates();
  const pages = trpc.campaign.list.useInfiniteQuery({ limit: 5 }, { getNextPageParam: (page) => page.nextCursor });
  const pending: number = useServiceState('campaign').pendingCount;
  // @ts-expect-error there is one service
  useServiceState('orders');
  // @ts-expect-error campaign mutations would pass the outbox by
  trpc.campaign.update.useMutation();
  return <button onClick={() => void updateCampaign({ title: 'x' })}>{state.title} {status} {banner} {pending} {useSyncStatus().state} {pages.data?.pages[0]?.items[0]?.title}</button>;
}

export const app = <CampaignProvider client={client}><Page /></CampaignProvider>;
export const tested = <CampaignTestProvider campaign={createTestCampaign({ state: { slug: 'a', title: 'A' } })}><Page /></CampaignTestProvider>;
`;

/** The router's type in the hands of who brings a tRPC client of their own. */
const STOCK = `
import type { AppRouter, PresenceWatchEvent, WatchEvent } from '@campaign-state/client';
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import type { inferRouterOutputs } from '@trpc/server';

const client = createTRPCClient<AppRouter>({ links: [wsLink({ client: createWSClient({ url: 'ws://127.0.0.1:4000/trpc' }) })] });
client.campaign.watch.subscribe({}, { onData: ({ data }) => { const event: WatchEvent | PresenceWatchEvent = data; if (event.type === 'durable') console.log(event.position); } });
export const version: number = (await client.campaign.update.mutate({ campaignId: 'a', updates: { title: 'x' } }) as { version: number }).version;
export type Row = inferRouterOutputs<AppRouter>['campaign']['list']['items'][number];
export const row: Row = { campaignId: 'a', title: 'A', version: 1, updatedAt: 0, updatedBy: 'me' };
// @ts-expect-error no such procedure
client.campaign.remove.mutate({ campaignId: 'a' });
`;

const OPENFEATURE = `
import { createCampaignClient } from '@campaign-state/client';
import { createOpenFeatureProvider } from '@campaign-state/client/openfeature';
import { createOpenFeatureProvider as createServerProvider } from '@campaign-state/client/openfeature/server';
import { OpenFeature as Server } from '@openfeature/server-sdk';
import { OpenFeature } from '@openfeature/web-sdk';

const client = createCampaignClient({ url: 'http://127.0.0.1:4000' });
await OpenFeature.setProviderAndWait(createOpenFeatureProvider(client, 'spring'));
await Server.setProviderAndWait(createServerProvider(client));
export const on: boolean = OpenFeature.getClient().getBooleanValue('leaderboard', false);
// @ts-expect-error a provider of the web is none of the server
await Server.setProviderAndWait(createOpenFeatureProvider(client));
`;

/** Sections as an app narrows them, in a project of their own: the registration is global. */
const SECTIONS = `
import { createCampaignClient, defineSections } from '@campaign-state/client';
import { useCampaign, useCampaignState } from '@campaign-state/client/react';
import { z } from 'zod';

const sections = defineSections({
  ui_content: z.object({ banner: z.string().max(80), badge: z.object({ text: z.string() }).optional() }),
  commerce: z.object({ enabled: z.boolean() }),
});
declare module '@campaign-state/client' {
  interface Register { sections: typeof sections }
}

const campaign = createCampaignClient({ url: 'http://127.0.0.1:4000' }).campaign('spring');
campaign.update({ ui_content: { badge: { text: 'new' } }, commerce: { enabled: true } });
campaign.updateConfig('ui_content', { badge: null });
export const enabled: boolean | undefined = campaign.getSnapshot().state.commerce?.enabled;
export function Page() {
  const { state } = useCampaignState();
  const text: string | undefined = useCampaign((s) => s.ui_content?.badge?.text);
  return <p>{state.ui_content?.banner}{text}</p>;
}
// @ts-expect-error a badge has a text
campaign.update({ ui_content: { badge: { text: 1 } } });
// @ts-expect-error commerce is switched by a boolean
campaign.update({ commerce: { enabled: 'yes' } });
`;

const CONFIG = {
  target: 'es2022',
  lib: ['es2023', 'dom', 'dom.iterable', 'esnext.disposable'],
  types: [],
  strict: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
};
const tsconfig = (files: readonly string[], options: object) =>
  JSON.stringify({ compilerOptions: { ...CONFIG, ...options }, files });
const NODENEXT = { module: 'nodenext', moduleResolution: 'nodenext', jsx: 'react-jsx' };
const BUNDLER = { module: 'esnext', moduleResolution: 'bundler', jsx: 'react-jsx' };

test('K60 K61 without React: it installs plainly, brings no React, compiles and runs', INSTALL, async () => {
  const at = await project('vanilla', [], {
    'vanilla.ts': VANILLA,
    'tsconfig.json': tsconfig(['vanilla.ts'], NODENEXT),
    'test.js': `import { createTestCampaign } from '@campaign-state/client/testing/vanilla';
      const { client, state } = createTestCampaign();
      const { durability } = await client.campaign().update({ title: 'Tested' }).durable;
      console.log(state().title, durability);
      client.close();`,
    'run.js': `import { createCampaignClient } from '@campaign-state/client';
      const client = createCampaignClient({ url: 'http://127.0.0.1:9' });
      console.log(client.campaign('a').getSnapshot().status);
      client.close();`,
  });
  const installed = await readdir(join(at, 'node_modules'));
  // Not even TypeScript, which tRPC would bring along.
  expect(installed.filter((name) => !name.startsWith('.'))).toEqual(['@campaign-state']);
  await sh(join(ROOT, 'node_modules/.bin/tsc'), ['-p', '.'], at);
  expect(await sh(process.execPath, ['run.js'], at)).toBe('pending\n');
  expect(await sh(process.execPath, ['test.js'], at)).toBe('Tested durable\n');
});

test(
  'K19 K60 K61 with React: a strict consumer compiles on TypeScript 5.9, 6 and 7, nodenext and bundler',
  INSTALL,
  async () => {
    const compilers = [
      'typescript59@npm:typescript@5.9',
      'typescript6@npm:typescript@6',
      'typescript7@npm:typescript@7',
    ];
    const at = await project(
      'react',
      [
        'react@19',
        '@types/react@19',
        '@tanstack/react-query@5',
        'zod@4',
        '@trpc/client@11.19.0',
        '@trpc/server@11.19.0',
        '@openfeature/core@1',
        '@openfeature/web-sdk@1',
        '@openfeature/server-sdk@1',
        ...compilers,
      ],
      {
        'vanilla.ts': VANILLA,
        'react.tsx': REACT,
        'nodenext.json': tsconfig(['vanilla.ts', 'react.tsx'], NODENEXT),
        'bundler.json': tsconfig(['vanilla.ts', 'react.tsx'], BUNDLER),
        'openfeature.ts': OPENFEATURE,
        // OpenFeature's own declarations are not all fit for a strict look.
        'openfeature.json': tsconfig(['openfeature.ts'], { ...NODENEXT, skipLibCheck: true }),
        'sections.tsx': SECTIONS,
        'sections.json': tsconfig(['sections.tsx'], BUNDLER),
        'stock.ts': STOCK,
        // tRPC's own declarations need those of Node and of `ws`.
        'stock.json': tsconfig(['stock.ts'], { ...NODENEXT, skipLibCheck: true }),
      },
    );
    for (const compiler of ['typescript59', 'typescript6', 'typescript7']) {
      for (const config of ['nodenext.json', 'bundler.json', 'sections.json', 'openfeature.json', 'stock.json']) {
        await sh(process.execPath, [join(at, 'node_modules', compiler, 'bin/tsc'), '-p', config], at);
      }
    }
  },
);

/** The page of the Vue app, played by jsdom in a process of its own: as Vue has it, one app to a page. */
const VUE_PAGE = `
import { JSDOM } from '${pathToFileURL(createRequire(import.meta.url).resolve('jsdom')).href}';

const { window } = new JSDOM('<main></main>');
for (const name of ['window', 'document', 'Element', 'SVGElement', 'HTMLElement', 'HTMLInputElement', 'ShadowRoot', 'MathMLElement', 'AbortController', 'AbortSignal'])
  Object.defineProperty(globalThis, name, { value: name === 'window' ? window : window[name] });
const { mountBannerApp } = await import('./app.js');

const root = document.querySelector('main');
const unmount = mountBannerApp(root, process.argv[2]);
async function shown(text) {
  while (root.textContent !== text) await new Promise((resolve) => setTimeout(resolve, 5));
  console.log(text);
}
await shown('Hellosaved');
const input = root.querySelector('input');
input.value = 'Hello Vue';
input.dispatchEvent(new window.Event('input'));
await shown('Hello Vuesaving');
input.dispatchEvent(new window.Event('blur'));
await shown('Hello Vuesaved');
unmount();
`;

test('K65 a Vue app that installs the package compiles, shows and edits', INSTALL, async () => {
  const started = await startServer();
  try {
    const at = await project('vue', ['vue@3'], {
      'app.ts': await readFile(join(SDK, 'examples/vue/app.ts'), 'utf8'),
      'page.js': VUE_PAGE,
      // Vue's own declarations are not all fit for a strict look.
      'tsconfig.json': tsconfig(['app.ts'], { ...NODENEXT, noEmit: false, skipLibCheck: true }),
    });
    await sh(join(ROOT, 'node_modules/.bin/tsc'), ['-p', '.'], at);
    expect(await sh(process.execPath, ['page.js', started.url], at)).toBe(
      'Hellosaved\nHello Vuesaving\nHello Vuesaved\n',
    );
    expect(await readdir(join(at, 'node_modules'))).not.toContain('react');
  } finally {
    await started.close();
  }
});

test('K66 every piece of code in the README compiles', INSTALL, async () => {
  const readme = await readFile(join(SDK, 'README.md'), 'utf8');
  const pieces = [...readme.matchAll(/^```tsx?\n(.*?)^```$/gms)].map(([, code = '']) => code);
  expect(pieces.length).toBeGreaterThan(4);
  const packages = [
    'react@19',
    '@types/react@19',
    '@types/react-dom@19',
    'react-dom@19',
    '@testing-library/react',
    '@testing-library/dom',
  ];
  const at = await project(
    'readme',
    [...packages, '@tanstack/react-query@5', 'zod@4', '@openfeature/core@1', '@openfeature/web-sdk@1'],
    {},
  );
  for (const [index, code] of pieces.entries()) {
    // What an earlier piece has made.
    const given = [
      /\bclient = /.test(code) ? '' : "declare const client: import('@campaign-state/client').CampaignClient;",
      /function Headline/.test(code) ? '' : "declare function Headline(): import('react').ReactNode;",
    ];
    await writeFile(join(at, `piece${index}.tsx`), [code, ...given].join('\n'));
    await writeFile(join(at, 'tsconfig.json'), tsconfig([`piece${index}.tsx`], { ...BUNDLER, skipLibCheck: true }));
    await sh(join(ROOT, 'node_modules/.bin/tsc'), ['-p', '.'], at);
  }
});

test('K62 the declarations name none of the server’s packages', async () => {
  const dist = join(folder, 'package/dist');
  const declarations = (await readdir(dist)).filter((file) => file.endsWith('.d.ts'));
  expect(declarations.length).toBeGreaterThan(2);
  for (const file of declarations) {
    const imports = [
      ...(await readFile(join(dist, file), 'utf8')).matchAll(/(?:from|import\()\s*["']([^"'.][^"']*)["']/g),
    ].map(([, name]) => name);
    for (const name of imports)
      expect(name).toMatch(/^(react(\/.*)?|vue|@tanstack\/react-query|@openfeature\/(web|server)-sdk)$/);
  }
});

test('K67 every module with code of its own has a source map, with its sources inside', async () => {
  const dist = join(folder, 'package/dist');
  const modules = (await readdir(dist)).filter((file) => file.endsWith('.js'));
  let mapped = 0;
  for (const file of modules) {
    const lines = (await readFile(join(dist, file), 'utf8')).trimEnd().split('\n');
    // Nothing is stepped into where others are only passed on.
    if (lines.every((line) => /^(import |export \{|['"]use client)/.test(line))) continue;
    expect(lines.at(-1)).toBe(`//# sourceMappingURL=${file}.map`);
    const { sources, sourcesContent } = JSON.parse(await readFile(join(dist, `${file}.map`), 'utf8'));
    expect(sourcesContent).toHaveLength(sources.length);
    mapped += 1;
  }
  expect(mapped).toBeGreaterThan(10);
});

test('K63 publint and attw find nothing', INSTALL, async () => {
  await sh(join(TOOLS, 'publint'), ['run', tarball, '--strict'], folder);
  await sh(join(TOOLS, 'attw'), [tarball, '--profile', 'esm-only'], folder);
});

/** Gzipped bytes of entries with everything they need, minified as an app's bundler would make them. */
interface Sizes {
  /** What a page loads with its own code. */
  readonly initial: number;
  /** What is loaded only when it is needed: rules for edits, the http transport, IndexedDB, large documents, … */
  readonly onDemand: number;
}
async function gzipped(name: string, modules: readonly string[]): Promise<Sizes> {
  const outDir = join(folder, `size-${name}`);
  // Beside the workspace's packages, from which the bundle is made.
  const linked = join(folder, 'package/node_modules');
  await symlink(join(ROOT, 'node_modules'), linked).catch(() => undefined);
  await writeFile(
    join(folder, 'package', `${name}.js`),
    modules.map((module) => `export * from './dist/${module}.js';`).join('\n'),
  );
  await build({
    config: false,
    logLevel: 'error',
    cwd: join(folder, 'package'),
    entry: { bundle: `${name}.js` },
    outDir,
    format: 'esm',
    platform: 'browser',
    minify: true,
    dts: false,
    define: { 'process.env.NODE_ENV': '"production"' },
    deps: { alwaysBundle: [/^@trpc\//], onlyBundle: false, neverBundle: [/^react/, /^@tanstack\//, 'vue', /^svelte/] },
  });
  const sizeOf = async (file: string) => gzipSync(await readFile(join(outDir, file)), { level: 9 }).length;
  const files = (await readdir(outDir)).filter((file) => file.endsWith('.js'));
  const sizes = await Promise.all(files.map(sizeOf));
  const initial = await Promise.all([...(await staticImports(outDir, 'bundle.js'))].map(sizeOf));
  const [all, first] = [sizes, initial].map((bytes) => bytes.reduce((sum, size) => sum + size, 0));
  return { initial: first ?? 0, onDemand: (all ?? 0) - (first ?? 0) };
}

/** A built file and those that it imports statically, however deep. */
async function staticImports(outDir: string, file: string, found = new Set<string>()): Promise<Set<string>> {
  if (found.has(file)) return found;
  found.add(file);
  const code = await readFile(join(outDir, file), 'utf8');
  for (const [, imported = ''] of code.matchAll(/(?:from|import)\s*["']\.\/([^"']+)["']/g))
    await staticImports(outDir, imported, found);
  return found;
}

test('K64 its gzipped size is within its limits', async () => {
  const vanilla = await gzipped('vanilla', ['index']);
  const hooks = await gzipped('hooks', ['index', 'react']);
  console.log('gzipped bytes:', { vanilla, hooks });
  expect(vanilla.initial).toBeGreaterThan(5_000);
  expect(vanilla.initial).toBeLessThanOrEqual(22 * 1024);
  expect(hooks.initial).toBeGreaterThan(vanilla.initial);
  expect(hooks.initial).toBeLessThanOrEqual(28 * 1024);
  for (const binding of ['vue', 'svelte']) {
    const { initial } = await gzipped(binding, [binding]);
    console.log('gzipped bytes:', binding, initial);
    expect(initial).toBeLessThanOrEqual(1.5 * 1024);
  }
  expect(vanilla.onDemand).toBeGreaterThan(0);
  // Locks are 1.5 KB of it, loaded with the first `campaign.lock`; events 2 KB, with the first `campaign.track`.
  expect(vanilla.onDemand).toBeLessThanOrEqual(19 * 1024);
});
