import { expect, test } from 'vitest';
import { createMemoryArchive } from '../../../server/archive/index.ts';
import type { KeyedArchive } from '../../../server/archive/keyed-archive.ts';
import { createRedactionWatch, type RedactionWatchOptions } from '../../../server/engine/archiving/redaction-watch.ts';
import { campaignHistory } from '../../archive/campaign-history.ts';
import { redactionOf } from '../../archive/redactions.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';

/** A campaign of which a value was redacted that stood in version 2. */
async function redacted(archive: KeyedArchive, id: string) {
  const history = campaignHistory(id);
  await history.createIn(archive);
  history.add({ about: { contact: 'Ada Lovelace' } });
  history.add({ about: { contact: null } }, { comment: 'gone' });
  await archive.commit([history.commitAfter(1)]);
  expect(await archive.redact(redactionOf(history, 2, 3))).toBe(true);
  return history;
}

/** A watch over an archive whose log and memory are told of what they are asked for. */
function watchOver(store: KeyedArchive, options: Partial<RedactionWatchOptions> = {}) {
  const clock = simulatedClock();
  const asked: string[] = [];
  const reloaded: string[] = [];
  const failed: string[] = [];
  const watch = createRedactionWatch({
    store,
    hosting: { forget: async (campaignId) => void reloaded.push(campaignId) },
    log: { shared: true, forget: async (campaignId, version) => asked.push(`${campaignId} ${version}`) > 0 },
    clock,
    observer: { failed: ({ what, campaignId }) => void failed.push(`${what} ${campaignId ?? ''}`) },
    ...options,
  });
  return { watch, clock, asked, reloaded, failed };
}

test('V42 what the log could not drop, because the instance died before, is dropped by the next one that starts', async () => {
  const archive = createMemoryArchive();
  const history = await redacted(archive, 'people');
  const asked: string[] = [];
  const { watch, clock, reloaded, failed } = watchOver(archive, {
    // At first the watermark has not come so far.
    log: { shared: true, forget: async (campaignId, version) => asked.push(`${campaignId} ${version}`) > 1 },
  });
  await clock.advance(5_000);
  expect(asked).toEqual(['people 2', 'people 2']);
  expect(failed).toEqual(['redaction people']);
  expect(await archive.redactionsAfter(0, 10)).toMatchObject([{ forgotten: true }]);
  // It may have come into memory since the start, before this instance knew of it.
  expect(reloaded).toEqual(['people']);
  const again = redactionOf(history, 3, 3, { redactions: 1 }, { comment: true, at: 6, by: 'root' });
  expect(await archive.redact(again)).toBe(true);
  await clock.advance(5_000);
  expect(reloaded).toEqual(['people', 'people']);
  watch.stop();
  await clock.advance(5_000);
});

test('V47 a redaction that log or memory cannot be rid of keeps no other waiting, is reported once, and is tried again', async () => {
  const archive = createMemoryArchive();
  for (const id of ['stuck-in-log', 'stuck-in-memory', 'free']) await redacted(archive, id);
  let isStuck = true;
  const { watch, clock, failed } = watchOver(archive, {
    hosting: {
      forget: (id) => (isStuck && id === 'stuck-in-memory' ? Promise.reject(new Error('away')) : Promise.resolve()),
    },
    log: { shared: true, forget: async (id) => !isStuck || id !== 'stuck-in-log' },
  });
  await clock.advance(10);
  const left = async () =>
    (await archive.redactionsAfter(0, 10)).filter(({ forgotten }) => !forgotten).map(({ campaignId }) => campaignId);
  expect(await left()).toEqual(['stuck-in-log']);
  await redacted(archive, 'later');
  await clock.until(watch.look('later'), 10_000);
  expect(await left()).toEqual(['stuck-in-log']);
  await expect(clock.until(watch.look('stuck-in-memory'), 10_000)).rejects.toThrow('away');
  // Those of other instances are looked for every second all the while.
  await clock.advance(60_000);
  await redacted(archive, 'of-another');
  await clock.advance(2_000);
  expect(await left()).toEqual(['stuck-in-log']);
  expect(failed).toEqual(['redaction stuck-in-log', 'redaction stuck-in-memory']);
  isStuck = false;
  await clock.advance(20_000);
  expect(await left()).toEqual([]);
  await clock.until(watch.look('stuck-in-memory'), 10_000);
  watch.stop();
});

test('V47 what a campaign had to drop that was replaced meanwhile is not tried for ever', async () => {
  const archive = createMemoryArchive();
  await redacted(archive, 'people');
  const asked: string[] = [];
  const { watch, clock } = watchOver(archive, {
    log: { shared: true, forget: async (campaignId) => asked.push(campaignId) < 0 },
  });
  await clock.advance(10);
  const [row] = await archive.redactionsAfter(0, 10);
  await archive.markForgotten(row?.ordinal ?? 0);
  await clock.advance(60_000);
  const count = asked.length;
  await clock.advance(60_000);
  expect(asked).toHaveLength(count);
  await clock.until(watch.look('people'), 10_000);
  watch.stop();
});
