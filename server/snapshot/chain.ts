import { createBlockWriter } from './blocks.ts';
import { openChainFile, type ChainCampaign, type ChainFile } from './chain-file.ts';
import { lineOf, SNAPSHOT_FORMAT } from './lines.ts';

/*
 * A chain is a whole snapshot, and increments that each hold what has changed since the file before. All are read side
 * by side, campaign by campaign in the order of ids, so that memory grows with the number of files alone.
 */

/**
 * The snapshot that a chain comes to, as the blocks of one whole file, which says what the newest says. It is to be
 * proven like any other, by whoever reads it.
 *
 * @param sources the files, the whole one first
 * @throws SnapshotError where one is damaged, or does not go on from the one before it
 */
export async function* mergeChain(
  sources: readonly AsyncIterable<Uint8Array>[],
): AsyncGenerator<Buffer, void, undefined> {
  const files = await openChain(sources);
  const writer = createBlockWriter();
  const newest = files.at(-1);
  if (!newest) return;

  async function* line(text: string): AsyncGenerator<Buffer, void, undefined> {
    const block = await writer.add(text);
    if (block) yield block;
  }

  const { follows: _, ...header } = newest.header;
  yield* line(lineOf({ type: 'snapshot', format: SNAPSHOT_FORMAT, ...header }));
  const found = { campaigns: 0, entries: 0, damaged: 0 };
  for (let id = nextId(files); id !== undefined; id = nextId(files)) {
    const outcome = yield* mergeCampaign(id, files, line);
    if (outcome.damaged) found.damaged += 1;
    if (outcome.entries > 0) found.campaigns += 1;
    found.entries += outcome.entries;
  }
  yield* line(lineOf({ type: 'end', ...found }));
  const last = await writer.flush();
  if (last) yield last;
}

/**
 * The campaigns of a chain as the newest file has them, in the order of their ids.
 *
 * @throws SnapshotError as {@link mergeChain}
 */
export async function* campaignsOfChain(
  sources: readonly AsyncIterable<Uint8Array>[],
): AsyncGenerator<ChainCampaign, void, undefined> {
  const files = await openChain(sources);
  for (let id = nextId(files); id !== undefined; id = nextId(files)) {
    let newest: ChainCampaign | undefined;
    for (const file of files) {
      while (file.segment?.campaignId === id) {
        const { segment } = file;
        if (segment.kind === 'campaign') checkFrom(file, segment.campaign, newest);
        const dropped = await file.advance();
        newest = segment.kind === 'campaign' && !dropped ? segment.campaign : undefined;
      }
    }
    if (newest) yield newest;
  }
}

async function openChain(sources: readonly AsyncIterable<Uint8Array>[]): Promise<ChainFile[]> {
  const files: ChainFile[] = [];
  for (const source of sources) {
    const file = await openChainFile(source);
    const before = files.at(-1);
    if (file.header.follows?.id !== before?.header.id) {
      const { follows } = file.header;
      throw file.misfit(
        follows
          ? `The file holds only what has changed since ${follows.file}, which is not the one before it`
          : 'The file is a whole snapshot, and follows on no other',
      );
    }
    files.push(file);
  }
  return files;
}

function nextId(files: readonly ChainFile[]): string | undefined {
  let least: string | undefined;
  for (const { segment } of files) {
    if (segment && (least === undefined || segment.campaignId < least)) least = segment.campaignId;
  }
  return least;
}

/** What became of a campaign: how many entries it has, 0 where it is not in the chain. */
interface MergedCampaign {
  readonly entries: number;
  readonly damaged: boolean;
}

/** One campaign: from the last file that has all of it, and what the later ones add. */
async function* mergeCampaign(
  campaignId: string,
  files: readonly ChainFile[],
  line: (text: string) => AsyncGenerator<Buffer, void, undefined>,
): AsyncGenerator<Buffer, MergedCampaign, undefined> {
  const having = files.filter(({ segment }) => segment?.campaignId === campaignId);
  const first = having.findLastIndex(({ segment }) => segment?.kind !== 'campaign' || !segment.campaign.from);
  for (const file of having.slice(0, Math.max(0, first))) while (isAt(file, campaignId)) await file.advance();
  const [start, ...later] = having.slice(Math.max(0, first));
  const newest = later.at(-1)?.segment;
  let last: ChainCampaign | undefined;
  let damaged = false;
  while (start && isAt(start, campaignId)) {
    const { segment } = start;
    damaged = segment.kind === 'damaged';
    if (segment.kind === 'damaged' && later.length === 0) yield* line(segment.text);
    if (segment.kind === 'campaign') {
      const { campaign } = segment;
      checkFrom(start, campaign, undefined);
      yield* line(JSON.stringify((newest?.kind === 'campaign' ? newest.campaign : campaign).line));
      for await (const entry of start.entries()) yield* line(entry);
      last = campaign;
    }
    if (await start.advance()) {
      last = undefined;
      yield* line(lineOf({ type: 'dropped', campaignId }));
    }
  }
  for (const file of later) {
    while (isAt(file, campaignId)) {
      const { segment } = file;
      if (segment.kind !== 'campaign') throw file.misfit('The campaign comes twice');
      checkFrom(file, segment.campaign, last);
      for await (const entry of file.entries()) yield* line(entry);
      last = segment.campaign;
      if (await file.advance()) throw file.misfit('An increment drops a campaign');
    }
  }
  const entries = last ? last.head.version - (last.base?.version ?? 0) : 0;
  return { entries, damaged: damaged && !last };
}

function isAt(file: ChainFile, campaignId: string): file is ChainFile & { segment: NonNullable<ChainFile['segment']> } {
  return file.segment?.campaignId === campaignId;
}

/** @throws SnapshotError where a campaign does not go on from what the file before has of it */
function checkFrom(file: ChainFile, { from }: ChainCampaign, before: ChainCampaign | undefined): void {
  if (!from) return;
  if (before?.head.version !== from.version || before.head.tail !== from.tail)
    throw file.misfit('The campaign does not go on from the file before');
}
