import type { LogRecord, SealedEntry } from '../../../server/core/stream/log-record.ts';
import { describe, expect, it } from 'vitest';
import { createMemoryArchive, createMemoryStore } from '../../../server/archive/memory-archive.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { createManager, type Manager } from '../../../server/engine/manager.ts';
import type { Archive, ArchivedCampaign, OrderedLog } from '../../../server/engine/ports.ts';
import { FIRST_TAIL, nextTail, seal } from '../../../server/core/stream/hash-chain.ts';
import { recoverCampaign, type HeldCampaign } from '../../../server/engine/campaign/log-recovery.ts';
import { createMemoryLog } from '../../../server/log/memory-log.ts';
import { CALLERS, CAMPAIGN, FIRST_STATE, setTitle } from '../../support/engine-world.ts';
import { gate } from '../../support/gate.ts';
import { connectSharedLog, createSharedLogStore } from '../../support/shared-log.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';

const ID = 'summer';

function sealed(version: number, change: JsonObject, writer: string, tail: string): SealedEntry {
  const record: LogRecord = {
    version,
    type: version === 1 ? 'create' : 'update',
    change,
    actor: { id: writer, role: 'admin' },
    mutationId: `${writer}-${version}`,
    correlationId: 'c',
    at: version,
    format: 1,
    epoch: 'e1',
    command: { type: 'create' },
    fingerprint: 'f',
  };
  return seal(record, tail);
}

const first = sealed(1, { slug: ID, title: 'one' }, 'a', FIRST_TAIL);
const lost2 = sealed(2, { title: 'lost' }, 'a', first.tail);
const lost3 = sealed(3, { note: 'built on lost' }, 'a', lost2.tail);
const other2 = sealed(2, { title: 'other' }, 'b', first.tail);
const other3 = sealed(3, { note: 'built on other' }, 'b', other2.tail);

/**
 * An archive that holds those entries, and a shared log that has lost the campaign although its membership is active.
 */
async function afterALoss(entries: SealedEntry[], state: JsonObject): Promise<{ archive: Archive; log: OrderedLog }> {
  const archive = createMemoryArchive({ soleUser: false });
  await archive.create(ID, first, { slug: ID, title: 'one' });
  await archive.enterLog(ID, { epoch: 'e1', version: 1, generation: 0 });
  if (entries.length > 0)
    await archive.commit([
      { campaignId: ID, expected: { epoch: 'e1', version: 1 }, entries, state, archivedAt: undefined },
    ]);
  return { archive, log: { ...createMemoryLog(), shared: true } };
}

describe('log recovery', () => {
  const clock = simulatedClock();
  const take = async (parts: { archive: Archive; log: OrderedLog }, held?: HeldCampaign) =>
    (await clock.until(recoverCampaign(ID, held, () => undefined, { ...parts, clock, recentEntries: 10 }))).archived;

  it('G5 M200 entries that an instance holds beyond the archive are saved before the epoch ends', async () => {
    const { head, state, lineage } = await take(await afterALoss([], {}), {
      head: { epoch: 'e1', version: 3, tail: lost3.tail },
      unsaved: [lost2, lost3],
    });
    expect(head).toMatchObject({ version: 3, tail: lost3.tail });
    expect(head.epoch).not.toBe('e1');
    expect(lineage).toMatchObject([{ parent: 'e1', fromVersion: 3 }]);
    expect(state).toMatchObject({ title: 'lost', note: 'built on lost' });
  });

  it('G2 M201 entries of a timeline that another instance has overtaken are not saved on top of the current one', async () => {
    const parts = await afterALoss([other2], { slug: ID, title: 'other' });
    const { head, state } = await take(parts, {
      head: { epoch: 'e1', version: 3, tail: lost3.tail },
      unsaved: [lost2, lost3],
    });
    expect(head).toMatchObject({ version: 2, tail: other2.tail });
    expect(state).toEqual({ slug: ID, title: 'other' });
  });

  it('G1 M202 an instance that holds another content of a version than the archive begins a new epoch', async () => {
    const parts = await afterALoss([other2, other3], { slug: ID, title: 'other', note: 'built on other' });
    await parts.log.seed(ID, 1, { epoch: 'e1', version: 3, tail: other3.tail });
    const seen = { head: { epoch: 'e1', version: 2, tail: lost2.tail }, unsaved: [lost2] };
    expect((await take(parts, seen)).head.epoch).not.toBe('e1');
  });

  it('M203 an inactive membership means that nothing was lost: the same epoch and tail', async () => {
    const parts = await afterALoss([], {});
    await parts.archive.leaveLog(ID, 1);
    const { head, membership } = await take(parts);
    expect(head).toEqual({ epoch: 'e1', version: 1, tail: nextTail(FIRST_TAIL, first.bytes) });
    expect(membership).toEqual({ generation: 2, active: true });
  });

  it('M204 an archive restored from a backup, behind a log that went on, begins a new epoch instead of waiting for entries that will never come', async () => {
    const parts = await afterALoss([], {});
    const log: OrderedLog = { ...parts.log, remainder: () => Promise.resolve([]) };
    await log.seed(ID, 1, { epoch: 'e1', version: 1, tail: first.tail });
    await log.open(ID, 1, { epoch: 'e1', version: 1, tail: first.tail }, () => undefined);
    await log.append(ID, { epoch: 'e1', version: 1, tail: first.tail }, [other2]);
    await log.append(ID, { epoch: 'e1', version: 2, tail: other2.tail }, [other3]);
    // The log has let go of version 2, which the archive, restored, does not have.
    await log.markDurable(ID, 'e1', 2);
    const { head, lineage } = await take({ archive: parts.archive, log });
    expect(head).toMatchObject({ version: 1, tail: first.tail });
    expect(lineage).toMatchObject([{ parent: 'e1', fromVersion: 1 }]);
  });

  it('G5 M208 what memory and the log hold of the missing entries is put together', async () => {
    const parts = await afterALoss([], {});
    const log: OrderedLog = { ...parts.log, remainder: () => Promise.resolve([lost2]) };
    const { head, state } = await take(
      { archive: parts.archive, log },
      { head: { epoch: 'e1', version: 3, tail: lost3.tail }, unsaved: [lost3] },
    );
    expect(head).toMatchObject({ version: 3, tail: lost3.tail });
    expect(state).toMatchObject({ title: 'lost', note: 'built on lost' });
  });

  it('G8 M209 a row whose head is not that of its newest entry is not loaded, and one with a gap further back is', async () => {
    const parts = await afterALoss([lost2, lost3], { slug: ID, title: 'lost', note: 'built on lost' });
    const loading =
      (change: (archived: ArchivedCampaign) => ArchivedCampaign): Archive['load'] =>
      async (campaignId, recent) => {
        const archived = await parts.archive.load(campaignId, recent);
        return archived && change(archived);
      };
    const ahead = loading((archived) => ({ ...archived, head: { ...archived.head, version: 1_003 } }));
    const behind = loading((archived) => ({ ...archived, recent: archived.recent.slice(0, 2) }));
    for (const load of [ahead, behind]) {
      await expect(take({ ...parts, archive: { ...parts.archive, load } })).rejects.toThrow(/changed by hand/);
    }
    const gap = loading((archived) => ({ ...archived, recent: archived.recent.filter((_, index) => index !== 1) }));
    expect((await take({ ...parts, archive: { ...parts.archive, load: gap } })).recent).toEqual([lost3]);
  });
});

describe('a shared log that has lost its entries', () => {
  it('G5 M219 accepts nothing on top of the loss, and everything that an instance holds is saved, whoever notices first', async () => {
    for (const first of ['a writer', 'an instance that has just started']) {
      const clock = simulatedClock();
      const [log, store] = [createSharedLogStore(), createMemoryStore()];
      const commits = gate();
      const start = (instance: string): Manager =>
        createManager({
          log: connectSharedLog(log, { clock, instance, checkIntervalMs: 60_000, publicationDelay: () => 400 }),
          archive: {
            ...createMemoryArchive({ store, soleUser: false }),
            async commit(parts) {
              await commits.pass();
              return createMemoryArchive({ store, soleUser: false }).commit(parts);
            },
          },
          clock,
        });
      const [one, two] = [start('one'), start('two')];
      await clock.until(one.create(CALLERS.admin, CAMPAIGN, FIRST_STATE, {}));
      await clock.until(two.get(CALLERS.admin, CAMPAIGN));
      commits.shut();
      const change = (manager: Manager, title: string) =>
        clock.until(manager.mutate(CALLERS.admin, CAMPAIGN, setTitle(title), {}));
      for (const title of ['two', 'three', 'four']) await change(one, title);
      log.loseEntries();
      commits.open();
      const noticing = first === 'a writer' ? two : start('three');
      if (first === 'a writer') await change(two, 'five');
      else await clock.until(noticing.get(CALLERS.admin, CAMPAIGN));
      await clock.advance(5_000);
      const records = await Promise.all(
        [one, two, noticing].map((manager) => clock.until(manager.get(CALLERS.admin, CAMPAIGN))),
      );
      const version = first === 'a writer' ? 5 : 4;
      for (const { epoch, version: reached, durableVersion, state } of records) {
        expect({ epoch, reached, durableVersion }).toEqual({
          epoch: records[0]?.epoch,
          reached: version,
          durableVersion: version,
        });
        expect(state).toMatchObject({ title: first === 'a writer' ? 'five' : 'four' });
      }
      expect((await createMemoryArchive({ store }).load(CAMPAIGN, 10))?.lineage).toEqual([]);
    }
  });
});
