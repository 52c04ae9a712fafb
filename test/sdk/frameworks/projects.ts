import { spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../..');
const SDK = join(ROOT, 'client-sdk');

/** The longest that one command may take, in milliseconds: an install on a slow line. */
const COMMAND_TIMEOUT_MS = 300_000;

/** A folder of projects, and the SDK packed as it would be published. */
export interface Workshop {
  readonly folder: string;
  readonly tarball: string;
  readonly close: () => Promise<void>;
}

/** Packs the SDK. It is built in a place of its own: others may be building in the workspace. */
export async function openWorkshop(): Promise<Workshop> {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-frameworks-'));
  const published = join(folder, 'package');
  await mkdir(published);
  await run(['npx', 'tsdown', '--out-dir', join(published, 'dist')], SDK);
  const { files } = JSON.parse(await readFile(join(SDK, 'package.json'), 'utf8')) as { files: string[] };
  for (const file of ['package.json', ...files]) {
    if (file !== 'dist') await cp(join(SDK, file), join(published, file), { recursive: true }).catch(ignoreMissing);
  }
  const packed = await run(['npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', folder], published);
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  return {
    folder,
    tarball: join(folder, filename),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The bill of materials is made at the publishing. */
function ignoreMissing(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
}

/** A project as a reader has it. */
export interface Project {
  readonly at: string;
  /** Runs a command of the project (`npx` is left out); its words are the error's where it fails. */
  readonly run: (command: readonly string[], env?: NodeJS.ProcessEnv) => Promise<string>;
  /** Starts one that goes on; resolves with what it says once that matches. */
  readonly start: (command: readonly string[], ready: RegExp) => Promise<Started>;
  /** The version of an installed package. */
  readonly version: (name: string) => Promise<string>;
}

export interface Started {
  readonly said: string;
  readonly stop: () => Promise<void>;
}

/** What the framework's own starter makes, and what the recipe adds. */
export interface ProjectParts {
  readonly packageJson?: object;
  readonly packages: readonly string[];
  readonly files: Readonly<Record<string, string>>;
}

/** Makes a project and installs its packages; `@campaign-state/client` is the packed one. */
export async function makeProject(workshop: Workshop, name: string, parts: ProjectParts): Promise<Project> {
  const at = join(workshop.folder, name);
  await mkdir(at);
  await writeFile(join(at, 'package.json'), JSON.stringify({ name, private: true, ...parts.packageJson }));
  const packages = parts.packages.map((one) => (one === '@campaign-state/client' ? workshop.tarball : one));
  await run(['npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', ...packages], at);
  for (const [file, content] of Object.entries(parts.files)) {
    await mkdir(dirname(join(at, file)), { recursive: true });
    await writeFile(join(at, file), content);
  }
  const env = { ...process.env, PATH: [join(at, 'node_modules/.bin'), process.env['PATH']].join(delimiter), CI: '1' };
  return {
    at,
    run: (command, more) => run(command, at, { ...env, ...more }),
    start: (command, ready) => start(command, at, env, ready),
    async version(installed) {
      const text = await readFile(join(at, 'node_modules', installed, 'package.json'), 'utf8');
      return `${installed} ${(JSON.parse(text) as { version: string }).version}`;
    },
  };
}

/** In a process group of its own: tools of this kind start others. */
function spawnIn(command: readonly string[], cwd: string, env: NodeJS.ProcessEnv): ChildProcess {
  const [file = '', ...args] = command;
  return spawn(file, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
}

function end(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

function run(command: readonly string[], cwd: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const child = spawnIn(command, cwd, env);
  let out = '';
  let all = '';
  child.stdout?.on('data', (chunk) => (out += String(chunk)));
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (all += String(chunk)));
  return new Promise((done, reject) => {
    const fail = (why: string) => reject(new Error(`${command.join(' ')} ${why}:\n${all.slice(-8_000)}`));
    const timer = setTimeout(() => {
      end(child);
      fail(`did not end within ${COMMAND_TIMEOUT_MS / 1_000} s`);
    }, COMMAND_TIMEOUT_MS);
    child.on('error', (error) => fail(error.message));
    child.on('close', (code) => {
      clearTimeout(timer);
      if (code === 0) done(out);
      else fail(`ended with ${code}`);
    });
  });
}

function start(command: readonly string[], cwd: string, env: NodeJS.ProcessEnv, ready: RegExp): Promise<Started> {
  const child = spawnIn(command, cwd, env);
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  let all = '';
  return new Promise((done, reject) => {
    const stop = async (): Promise<void> => {
      end(child);
      await closed;
    };
    const take = (chunk: unknown): void => {
      all += String(chunk);
      if (ready.test(all)) done({ said: all, stop });
    };
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', take);
    child.on('error', reject);
    child.on('close', () => reject(new Error(`${command.join(' ')} ended:\n${all.slice(-8_000)}`)));
  });
}
