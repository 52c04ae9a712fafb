import { freePort } from '../../../start/services/free-port.ts';
import { startLoad, startServer, type Load } from '../harness/child.ts';
import { CONTESTANTS } from '../harness/contestants.ts';
import { atMost, type Round, type Row } from '../harness/row.ts';
import { BrokenRun, everythingSeen } from '../harness/trial.ts';

/** Changes before the restart, and those that the watchers have missed when they come back; all of them durable. */
const BEFORE = 10;
const MISSED = 5;
const BYTES = 180;

/** What became of a restart under everyone's feet. */
interface Restart {
  /** From the end of the old server to the first answer of the new one. */
  startSeconds: number;
  /** From there to the last watcher that has seen everything. */
  resumeSeconds: number;
}

/** A clean restart: watchers come back as the SDK does, and get what they missed, not a snapshot. */
export const resume: Row = {
  name: 'resume',
  rounds: { full: 3, quick: 1, verify: 1 },
  lines: [
    { name: 'resume-start', title: 'stopped to ready again, embedded', unit: 's', targets: [] },
    {
      name: 'resume',
      title: '5,000 watchers current again after a restart, counted from the server being ready',
      unit: 's',
      targets: [atMost(5)],
    },
  ],
  async measure(round) {
    const { startSeconds, resumeSeconds } = await restart(round, 'SIGTERM');
    round.record('resume-start', 'ours', startSeconds);
    round.record('resume', 'ours', resumeSeconds);
  },
};

/**
 * The same after `kill -9`: what was durable is there, in a new epoch, on which positions of the old one still resume.
 */
export const recovery: Row = {
  name: 'recovery',
  rounds: { full: 3, quick: 1, verify: 1 },
  lines: [
    { name: 'recovery-start', title: 'kill -9 to ready again, embedded', unit: 's', targets: [] },
    { name: 'recovery', title: 'kill -9 to all of 5,000 watchers current again', unit: 's', targets: [] },
  ],
  async measure(round) {
    const { startSeconds, resumeSeconds } = await restart(round, 'SIGKILL');
    round.record('recovery-start', 'ours', startSeconds);
    round.record('recovery', 'ours', startSeconds + resumeSeconds);
  },
};

async function restart(round: Round, signal: 'SIGTERM' | 'SIGKILL'): Promise<Restart> {
  const load = startLoad();
  try {
    return await restartUnder(load, round, signal);
  } finally {
    await load.stop();
  }
}

async function restartUnder(load: Load, round: Round, signal: 'SIGTERM' | 'SIGKILL'): Promise<Restart> {
  const watchers = round.size({ full: 5_000, quick: 2_000, verify: 20 });
  const { system, protocol, secret, env } = CONTESTANTS.ours;
  const place = { ...env, ...(await storage(round)), PORT: String(await freePort()), CAMPAIGN_DURABILITY: 'durable' };
  let server = await startServer(system, place);
  try {
    await load.connect(protocol, server.port, watchers, secret);
    await load.reset();
    const seen = await server.publishAt(50, (BEFORE * 1_000) / 50, BYTES);
    await everythingSeen({ name: 'ours', load }, BEFORE, seen);
    await load.follow();
    await load.reset();
    if (signal === 'SIGTERM') await server.close();
    else await server.stop();
    const endedAt = performance.now();
    server = await startServer(system, { ...place, BENCH_PUBLISHED: String(seen) });
    const readyAt = performance.now();
    const last = await server.publish(MISSED, BYTES);
    const { snapshots } = await everythingSeen({ name: 'ours', load }, MISSED, last);
    if (snapshots > 0)
      throw new BrokenRun(
        `ours: ${snapshots} of ${watchers} watchers were given a snapshot, though their entries are known`,
      );
    return { startSeconds: (readyAt - endedAt) / 1_000, resumeSeconds: (performance.now() - readyAt) / 1_000 };
  } finally {
    await server.stop();
  }
}

/** Embedded; only to see whether it works, the Postgres that is there anyway does too, and starts faster. */
async function storage({ services, size }: Round): Promise<Record<string, string>> {
  if (size({ full: true, quick: true, verify: false })) return { DATA_DIR: await services.folder() };
  return { DATABASE_URL: await services.databaseUrl(), CAMPAIGN_NAMESPACE: services.namespace() };
}
