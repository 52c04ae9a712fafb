import { expect, test } from 'vitest';
import { epochsOf, type Deletion } from '../../server/core/deletion.ts';
import { campaignHistory, part, type CampaignHistory } from './campaign-history.ts';
import { adoptedOf, HEEDED, rowsOf, stateOf, type HistoriesContext } from './histories.ts';

/** The deletion of an archived campaign of the archive, as the engine makes it. */
export function deletionOf(history: CampaignHistory, details: Partial<Deletion> = {}): Deletion {
  const last = part(history.entries, history.entries.length - 1);
  const head = { epoch: history.epoch, version: last.record.version, tail: last.tail };
  return {
    campaignId: history.campaignId,
    at: 1_800_000_000_000,
    by: 'ada',
    correlationId: 'why',
    instance: 'one',
    head,
    epochs: epochsOf(head, []),
    generation: 0,
    wasPublished: true,
    ...details,
  };
}

/** Archives a history, as a commit of the archive. */
export function archiveEntry(history: CampaignHistory) {
  return history.add({}, { type: 'archive', command: { type: 'archive' } });
}

/** The contract of deletions. */
export function deletionTests({ archive, created, grown }: HistoriesContext): void {
  const archived = async (versions = 3): Promise<CampaignHistory> => {
    const history = await grown(versions);
    archiveEntry(history);
    await archive().commit([history.commitAfter(versions)]);
    return history;
  };

  const finish = async (campaignId: string): Promise<number> => {
    let parts = 1;
    while (await archive().removeRows(campaignId)) parts += 1;
    await archive().completeDeletion(campaignId);
    return parts;
  };

  test('A110 a campaign is removed that is archived and where the deletion says; otherwise nothing changes', async () => {
    const history = await archived();
    const { campaignId } = history;
    const before = await archive().load(campaignId, 10);
    const deletion = deletionOf(history);
    const { head } = deletion;
    for (const wrong of [
      { head: { ...head, epoch: 'other' } },
      { head: { ...head, version: head.version - 1 } },
      { head: { ...head, tail: 'other' } },
      { generation: 1 },
      { campaignId: 'unknown' },
    ])
      expect(await archive().remove({ ...deletion, ...wrong })).toBe(false);
    expect(await archive().load(campaignId, 10)).toEqual(before);
    const editable = await created();
    expect(await archive().remove(deletionOf(editable))).toBe(false);
    expect(await archive().findDeletion(campaignId)).toBeUndefined();

    expect(await archive().remove(deletion)).toBe(true);
    expect(await archive().load(campaignId, 10)).toBeUndefined();
    expect(await archive().heads([campaignId])).toEqual([]);
    expect(await archive().list({ limit: 10, ids: [campaignId] })).toEqual([]);
    expect(await archive().commit([history.commitAfter(4)])).toMatchObject([{ kind: 'conflict' }]);
    expect(await archive().enterLog(campaignId, { ...head, generation: 0 })).toBe(false);
    expect(await archive().findDeletion(campaignId)).toEqual(deletion);
    expect(await archive().openDeletions()).toContainEqual(deletion);
    // What is left of it is no orphan: it is on its way.
    expect(await archive().orphans()).not.toContain(campaignId);
    expect(await archive().remove(deletion)).toBe(false);
    await finish(campaignId);
  });

  test('A145 the links to its preview go with it, and those of no other campaign, nor keys of services', async () => {
    const [history, other] = [await archived(), await archived()];
    const keyOf = (name: string, { campaignId }: CampaignHistory) => ({
      id: `${name}-${campaignId}`,
      name,
      hash: name,
      grants: { [campaignId]: 'viewer' } as const,
      createdAt: 1,
      createdBy: 'ada',
      expiresAt: 1_900_000_000_000,
      revokedAt: undefined,
      lastUsedAt: undefined,
      previewOf: campaignId,
    });
    const [link, others, late] = [keyOf('link', history), keyOf('link', other), keyOf('late', history)];
    const service = { ...keyOf('service', history), previewOf: undefined };
    for (const key of [link, others]) expect(await archive().insertPreview(key, 9)).toBe('stored');
    await archive().insertKey(service);
    await archive().remove(deletionOf(history));
    const left = await archive().findKeys([link, others, service].map(({ id }) => id));
    expect(new Set(left)).toEqual(new Set([others, service]));
    // One that was on its way is of no campaign.
    expect(await archive().insertPreview(late, 9)).toBe('no campaign');
    await finish(history.campaignId);
  });

  test('A111 the record of a deletion is an audit event of the same transaction, and stays', async () => {
    const history = await archived();
    const [newest] = await archive().newestEvents(undefined, 1);
    await archive().remove(deletionOf(history));
    const events = await archive().readEvents(newest?.position ?? 0, 10);
    expect(events.map(({ bytes }) => JSON.parse(bytes))).toEqual([
      {
        at: 1_800_000_000_000,
        kind: 'delete',
        actor: 'ada',
        campaignId: history.campaignId,
        path: 'campaign.delete',
        correlationId: 'why',
        head: `${history.epoch}:4`,
        instance: 'one',
      },
    ]);
    await finish(history.campaignId);
    expect(await archive().readEvents(newest?.position ?? 0, 10)).toEqual(events);
    expect(await archive().findDeletion(history.campaignId)).toEqual(deletionOf(history));
  });

  test('A112 its other rows go in parts, also those that a restore has staged of it, and those of no other campaign', async () => {
    const other = await archived();
    const history = await archived(2_205);
    const { campaignId } = history;
    const all = await archive().readEntries({ campaignId: other.campaignId, version: 0 }, other.campaignId, 1e6);
    const goalOf = (id: string, campaignId: string) => ({
      campaignId,
      unit: 'somebody',
      goal: 'bought',
      id,
      at: 1_700_000_000_000,
      epoch: history.epoch,
      version: 1,
      value: 1,
    });
    const goals = [goalOf('one', campaignId), goalOf('two', campaignId), goalOf('one', other.campaignId)];
    await archive().recordEvents({ exposures: [], paints: [], goals });
    const counted = async (id: string) => (await archive().readTimeline(id, 0, 1_800_000_000_000)).length;
    expect(await counted(campaignId)).toBe(1);
    await archive().beginRestore('leftover', 0, 0);
    await archive().stage('leftover', rowsOf(history).slice(0, 2), [stateOf(history)], 0);
    expect(await archive().removeRows(campaignId)).toBe(false);
    expect(await archive().readEntries({ campaignId, version: 0 }, campaignId, 1)).toHaveLength(1);

    await archive().remove(deletionOf(history));
    await finish(campaignId);
    // What comes late is of a campaign that is not there.
    await archive().recordEvents({ exposures: [], paints: [], goals });
    expect([await counted(campaignId), await counted(other.campaignId)]).toEqual([0, 1]);
    expect(await archive().readEntries({ campaignId, version: 0 }, campaignId, 1e6)).toEqual([]);
    expect(await archive().readCheckpoints(campaignId, 0, 1e6)).toEqual([]);
    expect(await archive().orphans()).not.toContain(campaignId);
    expect(await archive().openDeletions()).toEqual([]);
    const adoption = archive().adopt('leftover', [adoptedOf(history)], HEEDED);
    await expect(adoption).rejects.toMatchObject({ kind: 'data' });
    await archive().endRestore('leftover');
    expect(await archive().readEntries({ campaignId: other.campaignId, version: 0 }, other.campaignId, 1e6)).toEqual(
      all,
    );
    expect(await archive().heads([other.campaignId])).toHaveLength(1);
  });

  test('A113 nothing begins under the id before the deletion is complete; then a campaign does, above its generation', async () => {
    const history = await archived();
    const { campaignId } = history;
    const { head } = deletionOf(history);
    for (let generation = 0; generation < 5; generation += 1)
      expect(await archive().enterLog(campaignId, { ...head, generation })).toBe(true);
    const deletion = deletionOf(history, { generation: 5 });
    expect(await archive().remove(deletion)).toBe(true);

    const next = campaignHistory(campaignId, { slug: campaignId, title: 'Next' });
    next.epoch = 'next';
    expect(await next.createIn(archive())).toBe(false);
    await archive().beginRestore('early', 0, 0);
    await archive().stage('early', rowsOf(history), [stateOf(history)], 0);
    expect(await archive().adopt('early', [adoptedOf(history)], HEEDED)).toEqual({ kind: 'deleting', campaignId });
    await archive().endRestore('early');
    expect(await archive().heads([campaignId])).toEqual([]);

    await finish(campaignId);
    expect(await next.createIn(archive())).toBe(true);
    expect(await archive().load(campaignId, 10)).toMatchObject({
      membership: { generation: 5, active: false },
      recent: next.entries,
      former: [{ deletedAt: deletion.at, epochs: [history.epoch] }],
    });
    // A part that is late, of an instance that has not heard of the end, is nothing.
    expect(await archive().removeRows(campaignId)).toBe(false);
    expect(await archive().load(campaignId, 10)).toMatchObject({ recent: next.entries });
  });

  test('A114 a restore of a campaign that was deleted is above its generation', async () => {
    const history = await archived();
    const { campaignId } = history;
    const { head } = deletionOf(history);
    for (let generation = 0; generation < 200; generation += 1)
      await archive().enterLog(campaignId, { ...head, generation });
    expect(await archive().remove(deletionOf(history, { generation: 200 }))).toBe(true);
    await finish(campaignId);
    await archive().beginRestore('back', 0, 0);
    await archive().stage('back', rowsOf(history), [stateOf(history)], 0);
    expect(await archive().adopt('back', [adoptedOf(history)], HEEDED)).toEqual({
      kind: 'adopted',
      generations: [201],
    });
    await archive().endRestore('back');
  });
}
