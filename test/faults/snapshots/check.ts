import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPgliteArchive, openPostgresArchive } from '../../../server/archive/index.ts';
import type { KeyedArchive } from '../../../server/archive/keyed-archive.ts';
import type { JsonValue } from '../../../server/core/json.ts';
import { systemClock } from '../../../server/engine/system-clock.ts';
import { createMemoryLog } from '../../../server/log/memory-log.ts';
import { readSnapshot } from '../../../server/snapshot/read-snapshot.ts';
import { restoreSnapshot } from '../../../server/snapshot/restoring/restore-snapshot.ts';
import { readFiles } from '../../../server/snapshot/snapshot-files.ts';
import { canonical, naiveMergePatch } from '../../core/naive.ts';
import { inPieces, snapshotOf } from '../../snapshot/support/snapshots.ts';
import { inSession } from '../../tools/postgres-session.ts';
import type { Violation } from '../checker.ts';
import type { World } from '../world.ts';

/** What is compared of a campaign at a version: the hash of its history, and the text of its state. */
interface Moment {
  readonly campaignId: string;
  readonly version: number;
  readonly tail: string;
  readonly state: string;
}

/** What the checks came to. */
export interface SnapshotCounts {
  readonly asked: number;
  readonly periodic: number;
  readonly increments: number;
  /** Asked for, and refused or cut by a fault. */
  readonly cut: number;
  readonly restored: number;
}

/** Rows of one read. */
const PAGE = 5_000;

/**
 * Reads every file that was taken, and compares each campaign in it with the fold of the history that Postgres holds in
 * the end: by the hash of its entries and by its state. Then some of the files, spread evenly, are restored into an
 * embedded database, from there into Postgres, and back, and compared again.
 *
 * @param restores how many are restored
 */
export async function checkSnapshots(
  { postgres, namespace }: World,
  taken: { readonly asked: readonly string[]; readonly periodic: readonly string[]; readonly cut: number },
  restores: number,
): Promise<{ violations: Violation[]; counts: SnapshotCounts }> {
  const violations: Violation[] = [];
  const paths = [...taken.asked, ...taken.periodic];
  const told = new Map<string, Moment[]>();
  for (const path of paths) {
    const moments = await momentsOf(readFiles([path])).catch((error: unknown) => {
      violations.push(violation(`${path} was taken whole and cannot be read: ${String(error)}`));
      return undefined;
    });
    if (moments) told.set(path, moments);
  }
  const folded = await foldHeld(postgres.url, namespace, [...told.values()].flat());
  const compare = (path: string, where: string, moments: readonly Moment[]): void => {
    for (const { campaignId, version, tail, state } of moments) {
      const held = folded.get(`${campaignId}:${version}`);
      if (held?.tail !== tail)
        violations.push(violation(`${path}${where}: ${campaignId} at ${version} has another history`));
      else if (held.state !== state)
        violations.push(violation(`${path}${where}: ${campaignId} at ${version} is not the fold of its history`));
    }
  };
  for (const [path, moments] of told) compare(path, '', moments);
  const some = spread([...told], restores);
  if (some.length > 0)
    await withBoth(postgres.url, async (embedded, remote) => {
      for (const [path, moments] of some) {
        await restore(embedded, readFiles([path]));
        await restore(remote, inPieces(await snapshotOf(embedded)));
        const back = await snapshotOf(remote);
        await restore(embedded, inPieces(back));
        const ids = new Set(moments.map(({ campaignId }) => campaignId));
        const restored = await momentsOf(inPieces(await snapshotOf(embedded)));
        // What another file had, and this one has not yet, stays where it was restored to.
        const here = restored.filter(({ campaignId }) => ids.has(campaignId));
        if (here.length !== moments.length) violations.push(violation(`${path}: not all of it was restored`));
        compare(path, ', restored', here);
        const versions = new Map(here.map(({ campaignId, version }) => [campaignId, version]));
        for (const { campaignId, version } of moments) {
          if (versions.get(campaignId) !== version)
            violations.push(violation(`${path}: ${campaignId} was restored at another version than ${version}`));
        }
      }
    });
  return {
    violations,
    counts: {
      asked: taken.asked.length,
      periodic: taken.periodic.length,
      increments: taken.periodic.filter((path) => path.includes('.after-')).length,
      cut: taken.cut,
      restored: some.length,
    },
  };
}

function violation(message: string): Violation {
  return { rule: 'W50', message, lines: [] };
}

function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, index) => {
    const item = items[Math.floor((index * (items.length - 1)) / Math.max(1, count - 1))];
    if (item === undefined) throw new Error('there is an item in every place');
    return item;
  });
}

/** The end of each campaign of a file, which is proven on the way. */
async function momentsOf(source: AsyncIterable<Uint8Array>): Promise<Moment[]> {
  const moments: Moment[] = [];
  let state = '';
  for await (const item of readSnapshot(source)) {
    if (item.kind === 'damaged') throw new Error(`${item.campaignId}: ${item.problem}`);
    if (item.kind === 'entry' && item.entry.record.version === item.campaign.head.version)
      state = canonical(item.entry.content.state);
    if (item.kind !== 'complete') continue;
    const { campaignId, head } = item.campaign;
    moments.push({ campaignId, version: head.version, tail: head.tail, state });
  }
  return moments;
}

/** The history that Postgres holds, folded by nothing of the service, at the versions that are asked for. */
async function foldHeld(url: string, namespace: string, wanted: readonly Moment[]): Promise<Map<string, Moment>> {
  const versions = Map.groupBy(wanted, ({ campaignId }) => campaignId);
  const folded = new Map<string, Moment>();
  await inSession(url, async (client) => {
    for (const [campaignId, moments] of versions) {
      const at = new Set(moments.map(({ version }) => version));
      let state: JsonValue = {};
      for (let version = 0; ;) {
        const { rows } = await client.query<{ version: string; bytes: string; tail: string }>(
          `select version, bytes::text as bytes, tail from ${namespace}.entries
           where campaign_id = $1 and version > $2 order by version limit ${PAGE}`,
          [campaignId, version],
        );
        for (const row of rows) {
          version = Number(row.version);
          state = naiveMergePatch(state, JSON.parse(row.bytes).change);
          if (at.has(version))
            folded.set(`${campaignId}:${version}`, { campaignId, version, tail: row.tail, state: canonical(state) });
        }
        if (rows.length < PAGE) break;
      }
    }
  });
  return folded;
}

async function restore(store: KeyedArchive, source: AsyncIterable<Uint8Array>): Promise<void> {
  await restoreSnapshot(source, { over: true }, { store, log: createMemoryLog(), clock: systemClock });
}

/** An embedded database and a namespace of that Postgres, both empty. */
async function withBoth(
  connectionString: string,
  work: (embedded: KeyedArchive, remote: KeyedArchive) => Promise<void>,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'campaign-state-faults-restored-'));
  const embedded = await openPgliteArchive({ dataDir, namespace: 'restored' });
  try {
    const remote = await openPostgresArchive({ connectionString, namespace: 'restored', poolSize: 4 });
    await work(embedded, remote).finally(() => remote.stop({ clean: true }));
  } finally {
    await embedded.stop({ clean: true });
    await rm(dataDir, { recursive: true, force: true });
  }
}
