import { freePort } from '../../../start/services/free-port.ts';
import { startLoad, startServer, type Load, type Server } from '../harness/child.ts';
import { CONTESTANTS } from '../harness/contestants.ts';
import { watchersWithin } from '../harness/open-files.ts';
import { atMost, type Round, type Row } from '../harness/row.ts';
import { BrokenRun, everythingSeen } from '../harness/trial.ts';

const BEFORE = 5;
const MISSED = 3;
const BYTES = 180;

/** A relay with as many watchers as one has, which is killed and started again. */
export const relayCrowd: Row = {
  name: 'relay-crowd',
  rounds: { full: 2, quick: 1, verify: 1 },
  lines: [
    {
      name: 'relay-crowd-memory',
      title: 'resident set of a relay with 20,000 watchers',
      unit: 'MB',
      targets: [atMost(512)],
    },
    {
      name: 'relay-crowd-back',
      title: 'kill -9 of that relay to all of them current again, without a snapshot',
      unit: 's',
      targets: [atMost(10)],
    },
  ],
  async measure(round) {
    const load = startLoad();
    const started: Server[] = [];
    try {
      await measureCrowd(round, load, started);
    } finally {
      await load.stop();
      for (const server of started.reverse()) await server.stop();
    }
  },
};

async function measureCrowd(round: Round, load: Load, started: Server[]): Promise<void> {
  const wanted = round.size({ full: 20_000, quick: 5_000, verify: 20 });
  const watchers = watchersWithin(round, 'relay-crowd', wanted);
  const { system, protocol, secret, env } = CONTESTANTS.ours;
  const origin = await startServer(system, { ...env });
  started.push(origin);
  const place = { ...env, BENCH_UPSTREAM: `ws://127.0.0.1:${origin.port}`, PORT: String(await freePort()) };
  const relay = await startServer('ours-relay', place);
  started.push(relay);
  await load.connect(protocol, relay.port, watchers, secret);
  await load.reset();
  const seen = await origin.publishAt(1, BEFORE * 1_000, BYTES);
  await everythingSeen({ name: 'ours-relay', load }, BEFORE, seen);
  const { rss } = await relay.usage('everything');
  round.record('relay-crowd-memory', 'ours', rss / (1_024 * 1_024));
  await load.follow();
  await load.reset();
  await relay.stop();
  const killedAt = performance.now();
  started.push(await startServer('ours-relay', place));
  const last = await origin.publish(MISSED, BYTES);
  const { snapshots } = await everythingSeen({ name: 'ours-relay', load }, MISSED, last);
  if (snapshots > 0) throw new BrokenRun(`ours-relay: ${snapshots} of ${watchers} watchers were given a snapshot`);
  round.record('relay-crowd-back', 'ours', (performance.now() - killedAt) / 1_000);
}
