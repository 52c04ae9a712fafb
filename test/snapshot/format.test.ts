import { randomInt } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { createMemoryArchive } from '../../server/archive/index.ts';
import { writeSnapshot } from '../../server/snapshot/write-snapshot.ts';
import { SnapshotError } from '../../server/snapshot/snapshot-error.ts';
import { createBlockWriter, readBlocks } from '../../server/snapshot/blocks.ts';
import { inPieces, itemsOf, refusalOf, snapshotOf, storedCampaign } from './support/snapshots.ts';

/** A copy with one byte changed. */
function flipped(file: Buffer, offset: number, by: number): Buffer {
  const copy = Buffer.from(file);
  copy[offset] = (copy[offset] ?? 0) ^ by;
  return copy;
}

/** The error that reading the blocks of a file ends with. */
async function blockRefusalOf(file: Buffer): Promise<unknown> {
  try {
    for await (const _block of readBlocks(inPieces(file)));
    return undefined;
  } catch (error) {
    return error;
  }
}

async function smallFile(): Promise<Buffer> {
  const archive = createMemoryArchive();
  await storedCampaign(archive, 'autumn', 3);
  await storedCampaign(archive, 'spring', 12);
  return snapshotOf(archive);
}

test('W1 a snapshot tells each campaign with its entries, in order, whatever pieces the file comes in', async () => {
  const archive = createMemoryArchive();
  const autumn = await storedCampaign(archive, 'autumn', 3);
  const spring = await storedCampaign(archive, 'spring', 120);
  const file = await snapshotOf(archive);
  for (const pieces of [1, 7, 1_000_000]) {
    const items = await itemsOf(file, pieces);
    expect(items.map(({ kind }) => kind).filter((kind) => kind !== 'entry')).toEqual([
      'snapshot',
      'campaign',
      'complete',
      'campaign',
      'complete',
      'end',
    ]);
    const entries = items.flatMap((item) =>
      item.kind === 'entry' ? [{ bytes: item.entry.bytes, tail: item.entry.tail }] : [],
    );
    expect(entries).toEqual([...autumn.entries, ...spring.entries].map(({ bytes, tail }) => ({ bytes, tail })));
  }
});

test('W2 a file is gzip: any tool unpacks it to lines of JSON', async () => {
  const lines = gunzipSync(await smallFile())
    .toString()
    .trimEnd()
    .split('\n');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ type: 'snapshot', format: 1, campaigns: 2, entries: 15 });
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ type: 'campaign', campaignId: 'autumn', head: { version: 3 } });
  expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ type: 'end', campaigns: 2, entries: 15, damaged: 0 });
});

test('W3 a small file with any byte flipped, at every offset, is refused', async () => {
  const file = await smallFile();
  expect(await refusalOf(file)).toBeUndefined();
  for (let offset = 0; offset < file.length; offset += 1) {
    for (const by of [1, 0x80, randomInt(1, 256)])
      expect(await refusalOf(flipped(file, offset, by)), `byte ${offset} ^ ${by}`).toBeInstanceOf(SnapshotError);
  }
});

test('W4 a file that is cut at any place, or goes on after its end, is refused', async () => {
  const file = await smallFile();
  for (let length = 0; length < file.length; length += 1)
    expect(await refusalOf(file.subarray(0, length)), `${length} bytes`).toBeInstanceOf(SnapshotError);
  expect(await refusalOf(Buffer.concat([file, Buffer.from([0])]))).toBeInstanceOf(SnapshotError);
  expect(await refusalOf(Buffer.concat([file, file]))).toBeInstanceOf(SnapshotError);
});

test('W3 W4 a large file with one byte flipped, cut, or with two blocks exchanged, at 10,000 random places, is refused', async () => {
  const archive = createMemoryArchive();
  for (let number = 0; number < 6; number += 1) await storedCampaign(archive, `campaign-${number}`, 500);
  const file = await snapshotOf(archive);
  const starts: number[] = [];
  for (let at = 0; at >= 0; at = file.indexOf(file.subarray(0, 16), at + 1)) starts.push(at);
  expect(starts.length).toBeGreaterThan(5);
  // Of two or three blocks, so that what comes before the byte is soon read.
  const some = await snapshotOf(archive, ['campaign-4']);
  expect(some.indexOf(some.subarray(0, 16), 1)).toBeGreaterThan(0);
  for (let round = 0; round < 10_000; round += 10) {
    const flips = Array.from({ length: 10 }, () => ({ offset: randomInt(some.length), by: randomInt(1, 256) }));
    // What the blocks find is refused before the lines are looked at.
    const refusals = await Promise.all(flips.map(({ offset, by }) => blockRefusalOf(flipped(some, offset, by))));
    for (const [index, refusal] of refusals.entries())
      expect(refusal, JSON.stringify(flips[index])).toBeInstanceOf(SnapshotError);
  }
  for (let round = 0; round < 100; round += 1) {
    const length = randomInt(some.length);
    expect(await refusalOf(some.subarray(0, length)), `${length} bytes`).toBeInstanceOf(SnapshotError);
  }
  for (let index = 0; index + 2 < starts.length; index += 1) {
    const [a, b, c] = starts.slice(index, index + 3);
    const [before, first, second, after] = [
      file.subarray(0, a),
      file.subarray(a, b),
      file.subarray(b, c),
      file.subarray(c),
    ];
    expect(await blockRefusalOf(Buffer.concat([before, second, first, after]))).toBeInstanceOf(SnapshotError);
    expect(await blockRefusalOf(Buffer.concat([before, first, after]))).toBeInstanceOf(SnapshotError);
  }
});

/** A file of these lines, whose blocks are right. */
async function fileOf(lines: readonly object[]): Promise<Buffer> {
  const writer = createBlockWriter();
  const blocks: Buffer[] = [];
  for (const line of lines) {
    const block = await writer.add(JSON.stringify(line));
    if (block) blocks.push(block);
  }
  const last = await writer.flush();
  return Buffer.concat(last ? [...blocks, last] : blocks);
}

async function linesOf(file: Buffer): Promise<Record<string, unknown>[]> {
  return gunzipSync(file)
    .toString()
    .trimEnd()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line));
}

test('W5 a file whose blocks are right and whose lines are not is refused, with campaign and version', async () => {
  const lines = await linesOf(await smallFile());
  const changed = (index: number, change: object): Promise<Buffer> =>
    fileOf(lines.map((line, at) => (at === index ? { ...line, ...change } : line)));
  expect(await refusalOf(await fileOf(lines))).toBeUndefined();
  // 0 snapshot, 1 autumn, 2–4 its entries, 5 spring, 6–17, 18 end.
  expect(await refusalOf(await changed(3, { tail: 'x' }))).toMatchObject({
    place: { campaignId: 'autumn', version: 2 },
  });
  const bytes = String(lines[3]?.['bytes']);
  expect(await refusalOf(await changed(3, { bytes: bytes.replace('Version 2', 'Version 3') }))).toMatchObject({
    message: expect.stringMatching(
      /^The entry of version 2 does not follow the one before it \(autumn, version 2; at byte 0\)/,
    ),
  });
  expect(await refusalOf(await changed(5, { state: {} }))).toMatchObject({
    place: { campaignId: 'spring', version: 12 },
  });
  expect(await refusalOf(await changed(5, { updatedBy: 'somebody' }))).toMatchObject({
    place: { campaignId: 'spring' },
  });
  expect(await refusalOf(await changed(5, { campaignId: 'autumn' }))).toMatchObject({ message: /comes twice/ });
  expect(await refusalOf(await changed(18, { entries: 16 }))).toMatchObject({ message: /another number/ });
  expect(await refusalOf(await changed(0, { format: 2 }))).toMatchObject({
    message: /has format 2, and this server reads up to 1/,
  });
  expect(await refusalOf(await fileOf(lines.toSpliced(3, 1)))).toMatchObject({
    place: { campaignId: 'autumn', version: 2 },
  });
  expect(await refusalOf(await fileOf(lines.toSpliced(4, 1)))).toMatchObject({
    place: { campaignId: 'autumn', version: 3 },
  });
  expect(await refusalOf(await fileOf(lines.toSpliced(18, 1)))).toMatchObject({ message: /last line is missing/ });
  expect(await refusalOf(await fileOf(lines.toSpliced(0, 1)))).toMatchObject({ message: /first line is missing/ });
});

test('W6 lines and members that this version does not know are passed over', async () => {
  const lines = await linesOf(await smallFile());
  const newer = [{ type: 'lock', campaignId: 'spring' }];
  const file = await fileOf([...lines.slice(0, 5), ...newer, ...lines.slice(5).map((line) => ({ ...line, more: 1 }))]);
  expect(await refusalOf(file)).toBeUndefined();
});

test('W7 a campaign whose rows do not fit together is left out, and the file says so', async () => {
  const archive = createMemoryArchive();
  const broken = await storedCampaign(archive, 'broken', 5);
  await storedCampaign(archive, 'whole', 5);
  const entry = broken.entries[2];
  if (!entry) throw new Error('unreachable');
  const store = {
    ...archive,
    readEntries: async (...args: Parameters<typeof archive.readEntries>) =>
      (await archive.readEntries(...args)).map((row) =>
        row.campaignId === 'broken' && row.version === 3
          ? { ...row, bytes: row.bytes.replace('Version', 'Fersion') }
          : row,
      ),
  };
  const items = await itemsOf(await snapshotOf(store));
  expect(items.filter(({ kind }) => kind === 'damaged')).toEqual([
    { kind: 'damaged', campaignId: 'broken', problem: 'the entry of version 3 does not follow the one before it' },
  ]);
  expect(items.flatMap((item) => (item.kind === 'complete' ? [item.campaign.campaignId] : []))).toEqual(['whole']);
  expect(items.at(-1)).toMatchObject({ kind: 'end', end: { campaigns: 1, entries: 5, damaged: 1 } });
});

test('W8 a campaign is as of one moment, also while it changes; one that is replaced meanwhile is read again', async () => {
  const archive = createMemoryArchive();
  const growing = await storedCampaign(archive, 'growing', 40);
  const store = {
    ...archive,
    readEntries: async (...args: Parameters<typeof archive.readEntries>) => {
      const version = growing.entries.length;
      growing.add({ title: `While it is read ${version}` });
      await archive.commit([growing.commitAfter(version)]);
      return archive.readEntries(...args);
    },
  };
  const items = await itemsOf(await snapshotOf(store));
  expect(items.find(({ kind }) => kind === 'complete')).toMatchObject({ campaign: { head: { version: 40 } } });
});

test('W9 others have a turn of the thread after each half millisecond of work, and rest follows each read', async () => {
  const archive = createMemoryArchive();
  await storedCampaign(archive, 'spring', 200);
  let [time, since, longest, rests] = [0, 0, 0, 0];
  const turn = (): Promise<void> => {
    longest = Math.max(longest, time - since);
    since = time;
    return Promise.resolve();
  };
  for await (const _block of writeSnapshot({
    store: archive,
    id: 'snapshot-1',
    createdAt: 1,
    server: '0.1.0',
    // Each look at the clock is a tenth of a millisecond after the one before it, and there is one for each entry.
    now: () => (time += 0.1),
    yieldTurn: turn,
    pace(workMs) {
      expect(workMs).toBeGreaterThan(0);
      rests += 1;
      return turn();
    },
  }));
  expect(longest).toBeLessThan(1);
  expect(rests).toBeGreaterThan(2);
  expect(time).toBeGreaterThan(20);
});
