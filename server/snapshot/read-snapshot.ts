import { z } from 'zod';
import { CAMPAIGN_ID_PATTERN } from '../core/document/campaign.ts';
import type { CampaignContent } from '../core/stream/apply.ts';
import type { LogRecord } from '../core/stream/log-record.ts';
import { LIMITS } from '../core/limits.ts';
import type { Fork } from '../core/stream/position.ts';
import { REDACTIONS_OF_CAMPAIGN, type ProvenRedaction } from '../core/stream/redaction.ts';
import { readBlocks } from './blocks.ts';
import { parseJson, proveHistory, typeOf, type ClaimedBase, type HistoryProof } from './history-proof.ts';
import { SNAPSHOT_FORMAT, type EndLine, type SnapshotLine } from './lines.ts';
import { SnapshotError } from './snapshot-error.ts';

/** A campaign in a file, as its line says it. */
export interface SnapshotCampaign {
  readonly campaignId: string;
  readonly head: { readonly epoch: string; readonly version: number; readonly tail: string };
  readonly createdAt: number;
  readonly archivedAt: number | undefined;
  readonly updatedAt: number;
  readonly updatedBy: string;
  readonly lineage: readonly Fork[];
  readonly generation: number;
  /** What its entries go on from, where older ones were compacted away. */
  readonly base: ClaimedBase | undefined;
  /** What it says to be redacted of its entries. */
  readonly redactions: readonly ProvenRedaction[];
}

/** An entry that follows the one before it, and the content after it, both without what is redacted. */
export interface ProvenEntry {
  readonly record: LogRecord;
  readonly bytes: string;
  readonly tail: string;
  readonly repeatsId: boolean;
  readonly content: CampaignContent;
  readonly redactions: readonly ProvenRedaction[];
}

/** What a file tells, one after the other. */
export type SnapshotItem =
  | { readonly kind: 'snapshot'; readonly snapshot: SnapshotLine }
  | { readonly kind: 'campaign'; readonly campaign: SnapshotCampaign }
  | { readonly kind: 'entry'; readonly campaign: SnapshotCampaign; readonly entry: ProvenEntry }
  /** All of the campaign has come, and its entries lead to its head and its state. */
  | { readonly kind: 'complete'; readonly campaign: SnapshotCampaign }
  /** What came of the campaign does not count. */
  | { readonly kind: 'dropped'; readonly campaign: SnapshotCampaign }
  | { readonly kind: 'damaged'; readonly campaignId: string; readonly problem: string }
  | { readonly kind: 'end'; readonly end: EndLine };

const time = z.int().min(0);
const count = z.int().min(0);
const token = z.string().regex(/^[A-Za-z0-9_-]{1,32}$/);
const tail = z.string().max(64);

const snapshotLine: z.ZodType<SnapshotLine> = z.object({
  type: z.literal('snapshot'),
  format: z.int().min(1),
  id: z.string().min(1).max(64),
  createdAt: time,
  server: z.string().max(64),
  campaigns: count,
  entries: count,
  follows: z.object({ id: z.string().max(64), file: z.string().max(255) }).optional(),
});

const campaignLine = z.object({
  campaignId: z.string().regex(CAMPAIGN_ID_PATTERN),
  head: z.object({ epoch: token, version: z.int().min(1), tail }),
  createdAt: time,
  archivedAt: time.optional(),
  updatedAt: time,
  updatedBy: z.string().max(1_000),
  lineage: z.array(z.object({ epoch: token, parent: token, fromVersion: z.int().min(1) })),
  generation: count,
  base: z
    .object({
      version: z.int().min(1),
      tail,
      archivedAt: time.optional(),
      updatedAt: time,
      updatedBy: z.string().max(1_000),
      state: z.record(z.string(), z.json()),
    })
    .optional(),
  redactions: z
    .array(
      z.object({
        version: z.int().min(1),
        tail,
        hash: z.string().max(64),
        redaction: z.object({
          path: z.array(z.string().max(200)).min(1).max(LIMITS.depth).exactOptional(),
          names: z.literal(true).exactOptional(),
          comment: z.literal(true).exactOptional(),
          at: time,
          by: z.string().max(1_000),
        }),
      }),
    )
    .max(REDACTIONS_OF_CAMPAIGN)
    .default([]),
  state: z.record(z.string(), z.json()),
});

const entryLine = z.object({ bytes: z.string(), tail, repeatsId: z.literal(true).optional() });

const droppedLine = z.object({ campaignId: z.string() });
const damagedLine = z.object({ campaignId: z.string().max(64), problem: z.string().max(1_000) });
const endLine: z.ZodType<EndLine> = z.object({
  type: z.literal('end'),
  campaigns: count,
  entries: count,
  damaged: count,
});

/** The campaign whose entries come. */
interface OpenCampaign {
  readonly campaign: SnapshotCampaign;
  readonly proof: HistoryProof;
}

/**
 * Reads a snapshot file and proves it on the way: that no byte of it was changed and nothing is missing, that each
 * entry follows the one before it by its tail, and that the entries of each campaign lead to its head and to its state.
 * What it yields was proven up to there; that the file is whole is known with `end`. Of entries that the file says to
 * be
 * redacted, or the caller knows to be, it yields what is left.
 *
 * @param known redactions beside those of the file, by tail
 * @throws SnapshotError at the first thing that does not fit
 */
export async function* readSnapshot(
  source: AsyncIterable<Uint8Array>,
  known?: (tail: string) => readonly ProvenRedaction[],
): AsyncGenerator<SnapshotItem, void, undefined> {
  const lines = createLineReader(known);
  let offset = 0;
  for await (const block of readBlocks(source)) {
    ({ offset } = block);
    for (const line of block.lines) yield* lines.take(line, offset);
  }
  if (!lines.ended) throw new SnapshotError('The file is cut: its last line is missing', { offset });
}

/** Reads lines in the order of the file. */
function createLineReader(known: ((tail: string) => readonly ProvenRedaction[]) | undefined) {
  let snapshot: SnapshotLine | undefined;
  let open: OpenCampaign | undefined;
  let ended = false;
  const found = { campaigns: 0, entries: 0, damaged: 0 };
  const complete = new Set<string>();
  let offset = 0;

  const misfit = (problem: string, version?: number, campaignId = open?.campaign.campaignId): SnapshotError =>
    new SnapshotError(problem, { offset, campaignId, version });

  const parse = <T>(schema: z.ZodType<T>, value: unknown, what: string): T => {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const path = parsed.error.issues[0]?.path.join('.') ?? '';
    throw misfit(`${what} cannot be read${path === '' ? '' : `: ${path}`}`);
  };

  const onSnapshot = (value: unknown): SnapshotItem[] => {
    if (snapshot) throw misfit('The first line comes twice');
    snapshot = parse(snapshotLine, value, 'The first line');
    if (snapshot.follows)
      throw misfit(`The file holds only what has changed since ${snapshot.follows.file}, and needs that one too`);
    if (snapshot.format > SNAPSHOT_FORMAT) {
      throw misfit(
        `The file has format ${snapshot.format}, and this server reads up to ${SNAPSHOT_FORMAT}: install version ${snapshot.server} or later`,
      );
    }
    return [{ kind: 'snapshot', snapshot }];
  };

  const onCampaign = (value: unknown): SnapshotItem[] => {
    const { state, archivedAt, base, ...line } = parse(campaignLine, value, 'A campaign');
    const { campaignId } = line;
    if (complete.has(campaignId)) throw misfit('The campaign comes twice', undefined, campaignId);
    const campaign: SnapshotCampaign = {
      ...line,
      archivedAt,
      base: base && { ...base, archivedAt: base.archivedAt },
    };
    const proof = proveHistory({ ...campaign, state }, undefined, known);
    if (typeof proof === 'string') throw misfit(sentence(proof), undefined, campaignId);
    open = { campaign, proof };
    return [{ kind: 'campaign', campaign }];
  };

  const onEntry = (value: unknown): SnapshotItem[] => {
    if (!open) throw misfit('An entry belongs to no campaign');
    const { campaign, proof } = open;
    const { bytes, tail, repeatsId = false } = parse(entryLine, value, 'An entry');
    const version = proof.version + 1;
    const proven = proof.next(bytes, tail);
    if (!proven.ok) throw misfit(sentence(proven.problem), version);
    const { record, content, isLast, redactions } = proven;
    const entry = { record, bytes: proven.bytes, tail, repeatsId, content, redactions };
    const items: SnapshotItem[] = [{ kind: 'entry', campaign, entry }];
    if (!isLast) return items;
    complete.add(campaign.campaignId);
    found.campaigns += 1;
    found.entries += campaign.head.version - (campaign.base?.version ?? 0);
    open = undefined;
    return [...items, { kind: 'complete', campaign }];
  };

  const onDropped = (value: unknown): SnapshotItem[] => {
    const { campaignId } = parse(droppedLine, value, 'A line');
    if (open?.campaign.campaignId !== campaignId)
      throw misfit('Something was dropped that has not come', undefined, campaignId);
    const { campaign } = open;
    open = undefined;
    return [{ kind: 'dropped', campaign }];
  };

  const onDamaged = (value: unknown): SnapshotItem[] => {
    const { campaignId, problem } = parse(damagedLine, value, 'A line');
    found.damaged += 1;
    return [{ kind: 'damaged', campaignId, problem }];
  };

  const onEnd = (value: unknown): SnapshotItem[] => {
    const end = parse(endLine, value, 'The last line');
    if (end.campaigns !== found.campaigns || end.entries !== found.entries || end.damaged !== found.damaged)
      throw misfit('The file holds another number of campaigns or entries than its last line says');
    ended = true;
    return [{ kind: 'end', end }];
  };

  return {
    get ended() {
      return ended;
    },
    /** What a line tells. @param at where its block stands */
    take(line: string, at: number): SnapshotItem[] {
      offset = at;
      if (ended) throw misfit('Something follows the last line');
      const value = parseJson(line);
      const type = typeOf(value);
      if (!snapshot && type !== 'snapshot') throw misfit('The first line is missing');
      if (open && type !== 'entry' && type !== 'dropped')
        throw misfit('The campaign ends before its head', open.proof.version + 1);
      switch (type) {
        case 'snapshot':
          return onSnapshot(value);
        case 'campaign':
          return onCampaign(value);
        case 'entry':
          return onEntry(value);
        case 'dropped':
          return onDropped(value);
        case 'damaged':
          return onDamaged(value);
        case 'end':
          return onEnd(value);
        default:
          // Of a newer server, which may add types that an older one can do without.
          if (typeof type !== 'string') throw misfit('A line cannot be read');
          return [];
      }
    },
  };
}

function sentence(problem: string): string {
  return problem.slice(0, 1).toUpperCase() + problem.slice(1);
}
