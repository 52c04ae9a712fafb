import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SignJWT } from 'jose';
import { MARKER } from '../support/marked-rules.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { carryOut, makeAttack, type Attack } from './attacks.ts';
import { startHonestClient } from './honest-client.ts';
import { startMarking } from './marker.ts';

export interface FuzzOptions {
  readonly seed: number;
  /** How long, in milliseconds. */
  readonly lasts: number;
  readonly say: (text: string) => void;
  /** Ends the run early, and the server with it. */
  readonly signal?: AbortSignal | undefined;
}

export interface FuzzResult {
  readonly attacks: number;
  readonly byKind: Readonly<Record<string, number>>;
  /**
   * What must never be: a server that ended, an internal error, a stack on the wire, a rule of targeting in what a
   * viewer is sent, an honest change that was late.
   */
  readonly findings: readonly string[];
  readonly rounds: number;
  /** How often rules were changed that must not be seen. */
  readonly ruleChanges: number;
  readonly slowestRound: number;
  /** Resident memory of the server in MB, at the end of each tenth of the run; empty where the system does not tell. */
  readonly memory: readonly number[];
}

const MAIN = join(import.meta.dirname, '..', '..', 'start', 'main.ts');
const SECRET = 'a secret of the fuzzer, and of nothing else';
const CAMPAIGN = 'ovasabi_website';
/** The campaign that attackers may edit. */
const OWN_CAMPAIGN = 'murmur_radio_launch';
/** Attacks that are under way at the same time. */
const CONCURRENCY = 8;

/**
 * A real server under random attack, with an honest client beside it. Every attack follows from the seed and its
 * number, so that a finding can be played again.
 */
export async function runFuzz({ seed, lasts, say, signal }: FuzzOptions): Promise<FuzzResult> {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-fuzz-'));
  const findings: string[] = [];
  const server = await startServer(folder, (line) => findings.push(`log: ${line}`));
  const port = Number(new URL(server.url).port);
  server.child.once('exit', (code, signal) => {
    if (!server.stopping) findings.push(`the server ended: ${signal ?? `exit code ${code}`}`);
  });
  const own = { campaignId: OWN_CAMPAIGN, token: await tokenFor('editor', 'eve', OWN_CAMPAIGN) };
  const target = { port, campaignId: CAMPAIGN, token: await tokenFor('viewer', 'mallory'), own };
  const honest = startHonestClient(server.url, {
    campaignId: CAMPAIGN,
    token: await tokenFor('editor', 'ada'),
    onFailure: (why) => findings.push(`honest client: ${why}`),
  });
  const marking = await startMarking(server.url, {
    campaignId: CAMPAIGN,
    token: await tokenFor('editor', 'grace'),
    onFailure: (why) => findings.push(`the rules could not be changed: ${why}`),
  });
  const byKind: Record<string, number> = {};
  const memory: number[] = [];
  const startedAt = performance.now();
  let number = 0;
  let tenths = 0;

  const isOver = (): boolean =>
    signal?.aborted === true ||
    performance.now() - startedAt >= lasts ||
    server.child.exitCode !== null ||
    findings.length >= 20;
  const worker = async (): Promise<void> => {
    while (!isOver()) {
      const own = number++;
      // A generator for each, so that attack 4,711 is the same whatever came before it.
      const attack = makeAttack(seededRandom(seed * 1_000_003 + own), target);
      byKind[attack.kind] = (byKind[attack.kind] ?? 0) + 1;
      const answer = await carryOut(attack, port);
      const found = lookAt(answer);
      if (found !== undefined) findings.push(`attack ${own} (${describe(attack)}): ${found}`);
      const tenth = Math.floor(((performance.now() - startedAt) / lasts) * 10);
      if (tenth > tenths && server.child.pid !== undefined) {
        tenths = tenth;
        const resident = await residentMegabytes(server.child.pid);
        if (resident !== undefined) memory.push(resident);
        say(`${own} attacks, ${honest.rounds} honest changes, ${resident?.toFixed(0) ?? '?'} MB`);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  } finally {
    await marking.stop();
    await honest.stop();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
  return {
    attacks: number,
    byKind,
    findings,
    rounds: honest.rounds,
    ruleChanges: marking.changes,
    slowestRound: honest.slowest,
    memory,
  };
}

const FORBIDDEN = new RegExp(String.raw`INTERNAL_SERVER_ERROR|"stack"|\n\s+at .*\.ts:\d+|${MARKER}`);

function lookAt(answer: Buffer): string | undefined {
  const text = answer.toString('latin1');
  const bad = FORBIDDEN.exec(text);
  return bad ? text.slice(Math.max(0, bad.index - 200), bad.index + 300) : undefined;
}

function describe({ kind, pieces }: Attack): string {
  return `${kind}: ${Buffer.concat([...pieces])
    .subarray(0, 400)
    .toString('latin1')}`;
}

interface ServerUnderTest {
  readonly url: string;
  readonly child: ChildProcess;
  readonly stopping: boolean;
  stop(): Promise<void>;
}

async function startServer(folder: string, onFault: (line: string) => void): Promise<ServerUnderTest> {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [MAIN], {
    cwd: folder,
    env: { PATH, HOME, PORT: '0', AUTH_SECRET: SECRET, LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stopping = false;
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error('the server did not start')));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const ready = /"url":"([^"]+)".*campaign-state is ready|campaign-state is ready.*"url":"([^"]+)"/.exec(line);
      if (ready) resolve(ready[1] ?? ready[2] ?? '');
      // What was not expected is logged as an error with its cause.
      if (/"level":(50|60)/.test(line)) onFault(line.slice(0, 1_000));
    });
  });
  return {
    url,
    child,
    get stopping() {
      return stopping;
    },
    async stop() {
      stopping = true;
      if (child.exitCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function tokenFor(role: string, subject: string, campaignId = '*'): Promise<string> {
  return new SignJWT({ campaigns: { [campaignId]: role } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(subject)
    .setExpirationTime('12h')
    .sign(new TextEncoder().encode(SECRET));
}

async function residentMegabytes(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1_024;
}
