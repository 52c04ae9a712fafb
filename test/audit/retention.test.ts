import { expect, test } from 'vitest';
import { createMemoryArchive } from '../../server/archive/index.ts';
import type { KeyedArchive } from '../../server/archive/keyed-archive.ts';
import { compactHistories } from '../../server/audit/compaction.ts';
import { httpClient, refusal as apiRefusal } from '../api/support/clients.ts';
import { CAMPAIGN, SECRET, startGuarded, tokenFor, until } from '../api/support/server.ts';
import { campaignHistory } from '../archive/campaign-history.ts';
import { query } from '../archive/namespace.ts';
import { command } from '../snapshot/support/commands.ts';
import { temporaryFolder } from '../start/support/processes.ts';
import { grow, ID } from './support/compacted-history.ts';
import { openPostgres } from './support/signed-archive.ts';

const LONG = { timeout: 240_000 };

test(
  'V43 what is kept of one campaign is said by its admins, by command and by procedure, and is all that is compacted where nothing is said of all',
  LONG,
  async () => {
    const archive = createMemoryArchive();
    const { url } = await startGuarded({ archive });
    const admin = httpClient(url, await tokenFor({ [CAMPAIGN]: 'admin' }, { sub: 'root' }));
    const editor = httpClient(url, await tokenFor({ '*': 'editor' }));
    const durable = { campaignId: CAMPAIGN, durability: 'durable' } as const;
    for (let version = 2; version <= 105; version += 1)
      await admin.campaign.update.mutate({ ...durable, updates: { title: `${version}` } });
    expect(await admin.audit.retention.query({ campaignId: CAMPAIGN })).toEqual({
      campaignId: CAMPAIGN,
      keep: {},
      isOwn: false,
      firstVersion: 1,
      version: 105,
    });
    const round = () => compactHistories({ store: archive, instance: 'one', now: Date.now, onFailed: () => undefined });
    await round();
    expect((await archive.readEntries({ campaignId: CAMPAIGN, version: 0 }, CAMPAIGN, 1e6)).length).toBe(105);
    for (const keep of [{ versions: 0 }, { ageMs: 5 }, { versions: 1.5 }])
      expect(await apiRefusal(admin.audit.setRetention.mutate({ campaignId: CAMPAIGN, keep }))).toMatchObject({
        reason: 'INVALID',
      });
    expect(await apiRefusal(editor.audit.setRetention.mutate({ campaignId: CAMPAIGN, keep: {} }))).toMatchObject({
      reason: 'FORBIDDEN',
    });
    const folder = await temporaryFolder();
    const keep = (...what: string[]) =>
      command(folder, ['audit', 'keep', CAMPAIGN, ...what, '--url', url], { AUTH_SECRET: SECRET });
    expect(await keep('3,90d')).toMatchObject({
      code: 0,
      sentence: expect.stringContaining('the newest 3 versions and the last 90 days, as was said of it'),
    });
    await round();
    expect((await admin.audit.retention.query({ campaignId: CAMPAIGN })).firstVersion).toBe(1);
    expect(await admin.audit.setRetention.mutate({ campaignId: CAMPAIGN, keep: { versions: 3 } })).toMatchObject({
      keep: { versions: 3 },
      isOwn: true,
    });
    await round();
    expect(await admin.audit.retention.query({ campaignId: CAMPAIGN })).toMatchObject({
      firstVersion: 100,
      version: 105,
    });
    expect(await keep('default')).toMatchObject({ sentence: expect.stringContaining('keeps everything, as of all') });
    const root = httpClient(url, await tokenFor({ '*': 'admin' }));
    await until(async () => (await root.audit.events.query()).items.some(({ kind }) => kind === 'retention'));
  },
);

/** A round of an instance on which `HISTORY_KEEP` is not set. */
const roundOn = (store: KeyedArchive): Promise<number> =>
  compactHistories({ store, instance: 'one', now: Date.now, onFailed: () => undefined });

test('V48 what a compaction that was cut off has left goes with the next round, also where nothing is to be shortened any more', async () => {
  const { archive, namespace } = await openPostgres();
  const history = campaignHistory(ID);
  await history.createIn(archive);
  await grow(archive, history, 250, 50);
  await archive.setKeep(ID, { versions: 20 });
  const dying: KeyedArchive = { ...archive, deleteCompacted: () => Promise.reject(new Error('killed')) };
  const set: KeyedArchive = {
    ...archive,
    deleteCompacted: async () => undefined,
    async setBase(...args) {
      await archive.setBase(...args);
      throw new Error('killed');
    },
  };
  await expect(roundOn(set)).rejects.toThrow('killed');
  await archive.setKeep(ID, undefined);
  await expect(roundOn(dying)).rejects.toThrow('killed');
  const [base] = await query<{ version: string }>(`select version from ${namespace}.history_bases where open`);
  expect(await roundOn(archive)).toBe(Number(base?.version));
  expect(await query(`select 1 from ${namespace}.history_bases where open`)).toEqual([]);
  expect(await archive.mayCompact()).toBe(false);
});

test('V49 an instance of before, which does not know what is kept of single histories, compacts nothing as long as something is said of one', async () => {
  const { archive, namespace } = await openPostgres();
  const history = campaignHistory(ID);
  await history.createIn(archive);
  /** The claim as instances of before make it. */
  const claimOfBefore = async (now: number): Promise<boolean> => {
    const rows = await query(
      `insert into ${namespace}.snapshot_schedule as claim (name, holder, held_until, saved_at, run)
       values ('compaction', 'old', $2, 0, null) on conflict (name) do update set holder = 'old', held_until = $2
       where claim.held_until < $1 or claim.holder = 'old' returning name`,
      [now, now + 120_000],
    );
    return rows.length > 0;
  };
  const now = Date.now();
  expect(await claimOfBefore(now)).toBe(true);
  // It is at it: where nothing is said of a single history, one of now takes it over, and gives it back in silence.
  expect(await archive.claimCompaction('new', now, now + 120_000)).toBe(true);
  expect(await claimOfBefore(now + 1_000)).toBe(false);
  expect(await archive.claimCompaction('another', now, now + 120_000)).toBe(false);
  const later = now + 120_001;
  expect(await claimOfBefore(later)).toBe(true);
  await archive.setKeep(ID, {});
  expect(await claimOfBefore(later + 1_000)).toBe(false);
  expect(await archive.claimCompaction('new', later, later + 120_000)).toBe(true);
  // However long nobody of now is there.
  expect(await claimOfBefore(later + 365 * 86_400_000)).toBe(false);
  await archive.setKeep(ID, undefined);
  expect(await claimOfBefore(later + 1_000)).toBe(true);
});
