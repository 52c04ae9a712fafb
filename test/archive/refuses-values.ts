import { expect, test } from 'vitest';
import type { Archive } from '../../server/engine/ports.ts';
import { campaignHistory } from './campaign-history.ts';

/** What the databases alone refuse, whose text holds no U+0000. */
export function refusesValues(name: string, open: () => Promise<Archive>): void {
  test(`A7 a value that the database refuses refuses the whole commit, and without it the rest passes: ${name}`, async () => {
    const archive = await open();
    const [good, bad] = [campaignHistory('good'), campaignHistory('bad')];
    await Promise.all([good.createIn(archive), bad.createIn(archive)]);
    good.add({ title: 'Good' });
    bad.add({ title: 'Bad' }, { actor: { id: 'U+0000 is \u0000', role: 'editor' } });
    await expect(archive.commit([good.commitAfter(1), bad.commitAfter(1)])).rejects.toMatchObject({
      name: 'ArchiveError',
      kind: 'data',
    });
    expect((await archive.heads(['good', 'bad'])).map(({ head }) => head.version)).toEqual([1, 1]);
    expect(await archive.commit([good.commitAfter(1)])).toEqual([{ campaignId: 'good', kind: 'committed' }]);
    await archive.stop({ clean: true });
  });
}
