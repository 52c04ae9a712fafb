import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VARIABLES } from '../../server/cli/config.ts';
import { httpClient, wsClient } from '../api/support/clients.ts';
import { ROOT, run } from './support/processes.ts';
import type { Running } from './support/processes.ts';

const SERVER = join(ROOT, 'server');
const TOOLS = join(ROOT, 'test', 'tools', 'node_modules', '.bin');
const LONG = { timeout: 600_000 };

const execute = promisify(execFile);
let folder = '';
let tarball = '';
/** An empty project, outside of the workspace, with the package alone. */
let project = '';

/** Runs a command; an error has its output. */
async function sh(command: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    return (await execute(command, args, { cwd, maxBuffer: 32 * 1024 * 1024 })).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error });
  }
}

// The package as it would be published, built in a temporary folder: other tests may build in the workspace.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'campaign-server-'));
  const published = join(folder, 'package');
  project = join(folder, 'project');
  await Promise.all([mkdir(published), mkdir(project)]);
  await sh('npx', ['tsdown', '--out-dir', join(published, 'dist')], SERVER);
  for (const file of ['package.json', 'README.md', 'LICENSE']) await cp(join(SERVER, file), join(published, file));
  const [packed] = JSON.parse(
    await sh('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], published),
  ) as { filename: string }[];
  tarball = join(folder, packed?.filename ?? '');
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
  await sh('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', tarball], project);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function start(): Promise<Running & { url: string }> {
  const running = run([join(project, 'node_modules', '.bin', 'campaign-state'), '.'], { PORT: '0' }, project);
  const { url }: { url: string } = JSON.parse(await running.line(/campaign-state is ready/));
  return { ...running, url };
}

test('F10 the packed server, alone in an empty folder, answers, and keeps its data over a kill', LONG, async () => {
  await writeFile(
    join(project, 'default_campaign.json'),
    JSON.stringify({ slug: 'spring', title: 'Spring sale', status: 'active' }),
  );
  expect(await sh('npx', ['--no', '@campaign-state/server', '--version'], project)).toMatch(/^\d+\.\d+\.\d+\n$/);

  const first = await start();
  expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
  const { campaign } = wsClient(first.url);
  const receipt = await campaign.update.mutate({
    campaignId: 'spring',
    updates: { title: 'Kept' },
    durability: 'durable',
  });
  expect(receipt).toMatchObject({ version: 2, durability: 'durable' });
  first.kill('SIGKILL');
  await first.ended;

  const second = await start();
  expect(await httpClient(second.url).campaign.get.query({ campaignId: 'spring' })).toMatchObject({
    version: 2,
    state: { title: 'Kept' },
  });
  second.kill('SIGTERM');
  expect(await second.ended).toBe(0);
});

test(
  'F10 its declarations compile in a strict project with the README’s example of embedding, and name no database driver',
  LONG,
  async () => {
    const [, example] = /```ts\n([^]*?)```/.exec(await readFile(join(SERVER, 'README.md'), 'utf8')) ?? [];
    expect(example).toContain('createCampaignServer({');
    await sh(
      'npm',
      [
        'install',
        '--no-audit',
        '--no-fund',
        '--prefer-offline',
        '--loglevel=error',
        'zod@4',
        '@types/node@24',
        '@types/ws@8',
      ],
      project,
    );
    const compilerOptions = {
      target: 'es2023',
      lib: ['es2024', 'esnext.disposable'],
      types: ['node'],
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: true,
      noEmit: true,
    };
    await writeFile(join(project, 'example.ts'), example ?? '');
    await writeFile(
      join(project, 'wrong.ts'),
      "import { createCampaignServer } from '@campaign-state/server';\nawait createCampaignServer({ auth: { kind: 'password' } });\n",
    );
    for (const name of ['example', 'wrong']) {
      await writeFile(join(project, `${name}.json`), JSON.stringify({ compilerOptions, files: [`${name}.ts`] }));
    }
    const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
    await sh(tsc, ['-p', 'example.json'], project);
    await expect(sh(tsc, ['-p', 'wrong.json'], project)).rejects.toThrow(/TS2322/);

    const declarations = await readFile(
      join(project, 'node_modules', '@campaign-state', 'server', 'dist', 'index.d.ts'),
      'utf8',
    );
    const imported = [...declarations.matchAll(/(?:from|import\()\s*["']([^"'.][^"']*)["']/g)].map(([, name]) => name);
    expect(imported.length).toBeGreaterThan(0);
    for (const name of imported) expect(name).not.toMatch(/^(kysely|pg|ioredis|@electric-sql)/);
  },
);

test('F10 publint and attw find nothing', LONG, async () => {
  await sh(join(TOOLS, 'publint'), ['run', tarball, '--strict'], folder);
  await sh(join(TOOLS, 'attw'), [tarball, '--profile', 'esm-only'], folder);
});

test('F10 the README and --help name every variable', async () => {
  const readme = await readFile(join(SERVER, 'README.md'), 'utf8');
  const help = await sh(process.execPath, [join(SERVER, 'cli', 'bin.ts'), '--help'], ROOT);
  const rows = readme
    .slice(readme.indexOf('## Variables'), readme.indexOf('## Embedding'))
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  const named = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name));
  expect(new Set(named)).toEqual(new Set(VARIABLES));
  for (const name of VARIABLES) expect(help).toMatch(new RegExp(`\\b${name}\\b`));
});

test('F10 an old Node is refused with one sentence', async () => {
  const old = `data:text/javascript,${encodeURIComponent("Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '22.9.0' } });")}`;
  const running = run(['--import', old, join(project, 'node_modules', '.bin', 'campaign-state')], {}, project);
  expect(await running.ended).toBe(1);
  expect(running.lines).toEqual([
    expect.stringMatching(/^campaign-state needs Node 24 or newer, this is 22\.9\.0: .+\.$/),
  ]);
});
