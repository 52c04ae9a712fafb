import { fork, spawnSync, type ChildProcess } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import type { AbuseSort, AbuseTask } from '../harness/abuser.ts';
import { clientOf, latencies, startServer, tokenFor } from '../harness/one-user.ts';
import { atMost, type Line, type Row } from '../harness/row.ts';
import { quantile } from '../report/statistics.ts';

const ABUSER = join(import.meta.dirname, '..', 'harness', 'abuser.ts');
const LARGE = 'large';
/** Memory that the server grants to what is not read and not finished, in MB: the bound that is stated for it here. */
const MAX_UNREAD_MB = 256;
/** Changes a second of the user who is to be left in peace. */
const RATE = 20;

/** Who abuses: what it does, and with which rights. An editor without a token is refused, which has its own line. */
const ABUSERS: readonly { readonly sort: AbuseSort; readonly role: 'viewer' | 'editor' | undefined }[] = [
  { sort: 'reader', role: undefined },
  { sort: 'reader', role: 'viewer' },
  { sort: 'refused', role: undefined },
  { sort: 'refused', role: 'viewer' },
  { sort: 'subscriber', role: undefined },
  { sort: 'subscriber', role: 'viewer' },
  { sort: 'editor', role: 'editor' },
  { sort: 'holder', role: undefined },
  { sort: 'holder', role: 'viewer' },
  { sort: 'unfinished', role: undefined },
  { sort: 'unfinished', role: 'viewer' },
];

const nameOf = ({ sort, role }: (typeof ABUSERS)[number]): string => `abuse-${sort}-${role ?? 'nobody'}`;

const besides = ({ sort, role }: (typeof ABUSERS)[number]): string =>
  `beside a ${sort} ${role ? `with a token (${role})` : 'without a token'}`;

const lines: readonly Line[] = [
  ...ABUSERS.map((abuser) => ({
    name: nameOf(abuser),
    title: `another user's change, p99, ${besides(abuser)}`,
    unit: 'ms',
    targets: [atMost(1.5, 'undisturbed')],
  })),
  ...ABUSERS.map((abuser) => ({
    name: `${nameOf(abuser)}-p50`,
    title: `the same, p50, ${besides(abuser)}`,
    unit: 'ms',
    targets: [],
  })),
  {
    name: 'abuse-turn',
    title: 'longest turn of the event loop beside any of them',
    unit: 'ms',
    targets: [atMost(100)],
  },
  { name: 'abuse-livez', title: '/livez beside any of them, at most', unit: 'ms', targets: [atMost(1_000)] },
  {
    name: 'abuse-memory',
    title: 'memory that they take, at its peak',
    unit: 'MB',
    targets: [atMost(400)],
  },
  { name: 'abuse-memory-after', title: 'memory that all of them leave behind', unit: 'MB', targets: [atMost(300)] },
];

/**
 * One user edits and watches while somebody else asks for a hundred times of what the limits allow, from a process of
 * its own: what of that the user feels.
 */
export const abuse: Row = {
  name: 'abuse',
  rounds: { full: 1, quick: 1, verify: 1 },
  lines,
  async measure(round) {
    const milliseconds = round.size({ full: 60_000, quick: 5_000, verify: 500 });
    const server = await startServer({
      DATA_DIR: await round.services.folder(),
      CAMPAIGN_MAX_UNREAD: String(MAX_UNREAD_MB),
    });
    try {
      await makeLarge(server.url);
      // Compiled code is as fast beside the first abuser as beside the last.
      await latencies(server.url, RATE, milliseconds / 2);
      const before = await residentMegabytes(server.child);
      // The peak of the start, which is that of the embedded database, is nobody's abuse.
      await writeFile(`/proc/${server.child.pid}/clear_refs`, '5').catch(() => undefined);
      let livez = 0;
      let turn = 0;
      for (const abuser of ABUSERS) {
        const { role, sort } = abuser;
        const task: AbuseTask = {
          sort,
          port: Number(new URL(server.url).port),
          campaignId: LARGE,
          ...(role && { token: await tokenFor(role, 'mallory') }),
        };
        const quiet = await latencies(server.url, RATE, milliseconds / 2);
        await longestTurn(server.url);
        const child = fork(ABUSER, [JSON.stringify(task)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
        leaveCores(child);
        const probe = probeLiveness(server.url);
        const disturbed = await latencies(server.url, RATE, milliseconds);
        livez = Math.max(livez, await probe.stop());
        child.kill('SIGKILL');
        const stalled = await longestTurn(server.url);
        round.say(`${nameOf(abuser)}: longest turn ${stalled.toFixed(0)} ms`);
        turn = Math.max(turn, stalled);
        for (const [name, at] of [
          [nameOf(abuser), 0.99],
          [`${nameOf(abuser)}-p50`, 0.5],
        ] as const) {
          round.record(name, 'undisturbed', quantile(quiet, at));
          round.record(name, 'ours', quantile(disturbed, at));
        }
      }
      round.record('abuse-turn', 'ours', Math.max(0.1, turn));
      round.record('abuse-livez', 'ours', livez);
      round.record('abuse-memory', 'ours', Math.max(0.1, (await residentMegabytes(server.child, 'VmHWM')) - before));
      round.record('abuse-memory-after', 'ours', Math.max(0.1, (await residentMegabytes(server.child)) - before));
    } finally {
      await server.stop();
    }
  },
};

/**
 * Gives a process the cores that nobody else wants. Abusers have machines of their own: what this one takes of the
 * cores is not what is measured. A low priority is not enough for that where there are two cores: the server has them
 * some milliseconds later. Linux has a class of processes that are never waited for.
 */
function leaveCores({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  setPriority(pid, constants.priority.PRIORITY_LOW);
  spawnSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(pid)], { stdio: 'ignore' });
}

/** A legal document of 18,000 short keys. */
async function makeLarge(url: string): Promise<void> {
  const { client, close } = await clientOf(url, 'admin');
  const members = Object.fromEntries(Array.from({ length: 18_000 }, (_, index) => [`k${index}`, 1]));
  await client.campaign.create.mutate({
    campaignId: LARGE,
    state: { slug: LARGE, title: 'Large', status: 'active', ...members },
  });
  await close();
}

/** Asks for `/livez` again and again; the longest answer, in milliseconds. */
function probeLiveness(url: string): { stop(): Promise<number> } {
  let stopped = false;
  let longest = 0;
  const run = async (): Promise<void> => {
    while (!stopped) {
      const startedAt = performance.now();
      await fetch(`${url}/livez`).catch(() => undefined);
      longest = Math.max(longest, performance.now() - startedAt);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const running = run();
  return {
    async stop() {
      stopped = true;
      await running;
      return longest;
    },
  };
}

/** Milliseconds of the event-loop monitor's own interval, which its delays include. */
const MONITOR_INTERVAL_MS = 20;

/** The longest turn of the server's event loop since this was asked last, about, in milliseconds. */
async function longestTurn(url: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const seconds = Number(/^campaign_state_nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(metrics)?.[1] ?? Number.NaN);
  return Math.max(0, seconds * 1_000 - MONITOR_INTERVAL_MS);
}

/** Resident memory of a process in MB: now, or at its peak. */
async function residentMegabytes({ pid }: ChildProcess, which: 'VmRSS' | 'VmHWM' = 'VmRSS'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(new RegExp(`^${which}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) / 1_024;
}
