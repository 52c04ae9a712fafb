import { z } from 'zod';
import type { JsonObject } from '../core/json.ts';
import { readBlocks } from './blocks.ts';
import { parseJson, typeOf } from './history-proof.ts';
import { INCREMENT_FORMAT, SNAPSHOT_FORMAT, type FollowedSnapshot } from './lines.ts';
import { SnapshotError } from './snapshot-error.ts';

/** What the first line of a file says, as far as chains need it. */
export interface ChainHeader {
  readonly id: string;
  readonly createdAt: number;
  readonly server: string;
  readonly campaigns: number;
  readonly entries: number;
  readonly follows: FollowedSnapshot | undefined;
}

/** A campaign's line in a file of a chain; what else is in it is carried along. */
export interface ChainCampaign {
  readonly campaignId: string;
  readonly head: { readonly epoch: string; readonly version: number; readonly tail: string };
  readonly archivedAt: number | undefined;
  readonly updatedAt: number;
  readonly updatedBy: string;
  readonly state: JsonObject;
  readonly from: { readonly version: number; readonly tail: string } | undefined;
  /** What its history begins with, where it was compacted. */
  readonly base: { readonly version: number } | undefined;
  /** How often its entries were redacted. */
  readonly redactions: number;
  /** The line without `from`. */
  readonly line: JsonObject;
}

/** What a file says next of a campaign. */
export type Segment =
  | { readonly kind: 'campaign'; readonly campaignId: string; readonly campaign: ChainCampaign }
  | { readonly kind: 'removed'; readonly campaignId: string }
  | { readonly kind: 'damaged'; readonly campaignId: string; readonly text: string };

/**
 * A file of a chain, read campaign by campaign. Its bytes are proven as those of any snapshot file; what its entries
 * lead to is not, so that they need not be parsed.
 */
export interface ChainFile {
  readonly header: ChainHeader;
  /** Where it stands; `undefined` at its end. Campaigns come in the order of their ids. */
  readonly segment: Segment | undefined;
  /** An error at the place where it stands. */
  misfit(problem: string): SnapshotError;
  /** The lines of the campaign's entries that are left. */
  entries(): AsyncGenerator<string, void, undefined>;
  /** Goes on to the next segment. @returns whether the one before was dropped */
  advance(): Promise<boolean>;
}

const header = z.object({
  format: z.int().min(1).max(INCREMENT_FORMAT),
  id: z.string().min(1).max(64),
  createdAt: z.int().min(0),
  server: z.string().max(64),
  campaigns: z.int().min(0),
  entries: z.int().min(0),
  follows: z.object({ id: z.string().min(1).max(64), file: z.string().min(1).max(255) }).optional(),
});

const campaignLine = z.looseObject({
  campaignId: z.string().max(64),
  head: z.object({ epoch: z.string(), version: z.int().min(1), tail: z.string() }),
  archivedAt: z.int().optional(),
  updatedAt: z.int(),
  updatedBy: z.string(),
  state: z.record(z.string(), z.json()),
  from: z.object({ version: z.int().min(1), tail: z.string() }).optional(),
  base: z.looseObject({ version: z.int().min(1) }).optional(),
  redactions: z.array(z.json()).optional(),
});

const named = z.looseObject({ campaignId: z.string().max(64) });
const end = z.looseObject({ campaigns: z.int(), entries: z.int() });

/** How the line of an entry begins, as every server writes it. */
const ENTRY = '{"type":"entry",';

/**
 * Opens a file of a chain.
 *
 * @throws SnapshotError where it is damaged, here or later, or its campaigns are in no order, as those of an earlier
 *   version can be
 */
export async function openChainFile(source: AsyncIterable<Uint8Array>): Promise<ChainFile> {
  const lines = readLines(source);
  let offset = 0;
  const misfit = (problem: string, campaignId?: string): SnapshotError =>
    new SnapshotError(problem, { offset, campaignId });

  const parse = <T>(schema: z.ZodType<T>, value: unknown, what: string): T => {
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw misfit(`${what} cannot be read`);
    return parsed.data;
  };

  const nextLine = async (): Promise<string> => {
    const next = await lines.next();
    if (next.done === true) throw misfit('The file is cut: its last line is missing');
    ({ offset } = next.value);
    return next.value.text;
  };

  const firstLine = parseJson(await nextLine());
  if (typeOf(firstLine) !== 'snapshot') throw misfit('The first line is missing');
  const { format, follows, ...first } = parse(header, firstLine, 'The first line');
  if (format !== (follows ? INCREMENT_FORMAT : SNAPSHOT_FORMAT)) throw misfit('The first line cannot be read');

  /** The line that follows the entries that have been read. */
  let pending: string | undefined;
  let segment: Segment | undefined;
  let dropped = false;
  let entriesHere = 0;
  const found = { campaigns: 0, entries: 0 };

  async function* entries(): AsyncGenerator<string, void, undefined> {
    if (segment?.kind !== 'campaign') return;
    while (pending === undefined) {
      const text = await nextLine();
      if (!text.startsWith(ENTRY) && typeOf(parseJson(text)) !== 'entry') pending = text;
      else {
        entriesHere += 1;
        yield text;
      }
    }
  }

  /** The line of the next campaign, or the last line. */
  const closeSegment = async (): Promise<string> => {
    for await (const _entry of entries());
    let text = pending ?? (await nextLine());
    pending = undefined;
    dropped = false;
    if (segment?.kind === 'campaign') {
      dropped = typeOf(parseJson(text)) === 'dropped';
      if (dropped) text = await nextLine();
      else {
        const { campaign } = segment;
        if (entriesHere !== campaign.head.version - (campaign.from?.version ?? campaign.base?.version ?? 0))
          throw misfit('The campaign has another number of entries than its line says', campaign.campaignId);
        found.campaigns += 1;
        found.entries += entriesHere;
      }
    }
    entriesHere = 0;
    return text;
  };

  const toSegment = (text: string): Segment | undefined => {
    const value = parseJson(text);
    switch (typeOf(value)) {
      case 'campaign': {
        const { from, ...line } = parse(campaignLine, value, 'A campaign');
        const { campaignId, head, archivedAt, updatedAt, updatedBy, state, base } = line;
        const redactions = line.redactions?.length ?? 0;
        const campaign = { campaignId, head, archivedAt, updatedAt, updatedBy, state, from, base, redactions };
        // Read as JSON, hence JSON.
        return { kind: 'campaign', campaignId, campaign: { ...campaign, line: line as JsonObject } };
      }
      case 'removed':
        return { kind: 'removed', campaignId: parse(named, value, 'A line').campaignId };
      case 'damaged':
        return { kind: 'damaged', campaignId: parse(named, value, 'A line').campaignId, text };
      default:
        throw misfit('A line cannot be read');
    }
  };

  const atEnd = async (text: string): Promise<void> => {
    const { campaigns, entries: count } = parse(end, parseJson(text), 'The last line');
    if (campaigns !== found.campaigns || count !== found.entries)
      throw misfit('The file holds another number of campaigns or entries than its last line says');
    if ((await lines.next()).done !== true) throw misfit('Something follows the last line');
  };

  const advance = async (): Promise<boolean> => {
    const before = segment?.campaignId;
    const text = await closeSegment();
    const wasDropped = dropped;
    if (typeOf(parseJson(text)) === 'end') {
      segment = undefined;
      await atEnd(text);
      return wasDropped;
    }
    segment = toSegment(text);
    const id = segment?.campaignId ?? '';
    // One that was dropped comes again.
    if (before !== undefined && (id < before || (id === before && !wasDropped)))
      throw misfit('The campaigns are not in the order of their ids', id);
    return wasDropped;
  };

  await advance();
  return {
    header: { ...first, follows },
    get segment() {
      return segment;
    },
    misfit: (problem) => misfit(problem, segment?.campaignId),
    entries,
    advance,
  };
}

async function* readLines(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ offset: number; text: string }, void, undefined> {
  for await (const { offset, lines } of readBlocks(source)) for (const text of lines) yield { offset, text };
}
