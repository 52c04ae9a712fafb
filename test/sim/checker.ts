import { isDeepStrictEqual } from 'node:util';
import { apply, NOTHING, type CampaignContent } from '../../server/core/stream/apply.ts';
import type { EditCommand } from '../../server/core/commands/command.ts';
import { effect } from '../../server/core/commands/effect.ts';
import type { Entry, Receipt, ViewEntry } from '../../server/core/stream/entry.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../server/core/json.ts';
import { plainOf } from '../../server/core/document/document-tree.ts';
import {
  evaluate,
  prepareTargeting,
  type Assignments,
  type PreparedTargeting,
} from '../../server/core/targeting/evaluate.ts';
import { holdingUnits, NO_PLACES, type HeldPlaces } from '../../server/core/targeting/held-places.ts';
import { resolve } from '../../server/core/targeting/resolve.ts';
import { readTargeting } from '../../server/core/targeting/targeting.ts';
import { createGrowthBookEngine } from '../../server/targeting/growthbook-engine.ts';
import { unitHash } from '../../server/engine/campaign/unit-hash.ts';
import { PLACES_KEY } from './instance.ts';
import { SECRET } from './plan.ts';
import type { MemoryStore } from '../../server/archive/memory-archive.ts';
import type { LogRecord } from '../../server/core/stream/log-record.ts';
import { FIRST_TAIL, nextTail } from '../../server/core/stream/hash-chain.ts';

/** A guarantee that did not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly guarantee: string;

  constructor(guarantee: string, message: string) {
    super(`${guarantee}: ${message}`);
    this.guarantee = guarantee;
  }
}

/** What a viewer holds. */
export interface Seen {
  readonly attributes: JsonObject;
  /** Whom it may still have been taken for: it has just become another one. */
  readonly formerly?: JsonObject | undefined;
  /** Whether all that is stored of the places of its units counts, and not what was there before. */
  readonly isSettled?: boolean;
  readonly state: JsonObject;
  readonly assignments: Assignments;
  /** Whether it has no token. */
  readonly isPublic: boolean;
}

/** Knows what everyone has seen and been told, and holds it against each other and against the disk. */
export interface Checker {
  /** The first thing that did not hold. */
  readonly violation: Violation | undefined;
  fail(guarantee: string, message: string): never;
  /** Something threw where nobody waits: a violation is known already, anything else is one by itself. */
  note: (error: unknown) => void;
  /** G2: someone saw that entry at that version of that epoch. */
  entry(campaignId: string, epoch: string, entry: Entry | ViewEntry, who: string): void;
  /** G2, G6, G11: someone holds that state at that position; without a token no more than what everyone may see. */
  state(
    campaignId: string,
    epoch: string,
    version: number,
    state: JsonObject,
    who: string,
    view?: 'full' | 'public',
  ): void;
  /**
   * G6, G11: a viewer with these attributes holds that state, and was told that of the rules: both must follow from the
   * document at that position, and from nothing else.
   */
  projection(campaignId: string, epoch: string, version: number, seen: Seen, who: string): void;
  /** G11: bytes that were sent to a viewer. */
  bytes(text: string, who: string): void;
  /** A mutation leaves its client, for the first time or again. */
  sent(campaignId: string, intent: string): void;
  /** G2, G4, G7, G8: a mutation was answered. */
  receipt(receipt: Receipt, intent: string): void;
  /**
   * G5: a mutation that had been accepted, and was lost, is answered as one without effect: then it must have none
   * there.
   */
  withoutEffect(receipt: Receipt, command: EditCommand, intent: string): void;
  /** G7: a mutation was refused for good, and is not applied after that. */
  refused(campaignId: string, intent: string): void;
  /** What could not be judged before everything was on the disk. */
  atRest(): void;
  /** G8: someone was told that all up to there is durable. */
  durable(campaignId: string, epoch: string, version: number, who: string): void;
  /** G3, G4, G6: whatever is new on the disk follows on what was there, and nothing that was there has changed. */
  disk(): void;
  /** What had been accepted and not committed may be gone. */
  crashed(): void;
  /** G5: the server stopped and said that all it had accepted is committed. */
  stoppedCleanly(): void;
  /** The versions at which an intent stands on the disk; more than one breaks G3. */
  versionOf(campaignId: string, intent: string): number | undefined;
  /** Whether what stands there only keeps the id from being used: it had no effect, and no copy of it will. */
  isPin(campaignId: string, intent: string): boolean;
}

const engine = createGrowthBookEngine();

/** What no viewer is ever sent. */
const LEAKS = [
  SECRET,
  '"rules":',
  '"segments":',
  '"groups":',
  '"holdouts":',
  '"ranges":',
  '"updateRule"',
  '"updateSegment"',
  '"updateGroup"',
  '"updateHoldout"',
  '"shipRule"',
];

/** Callers without a token never see it. */
const HIDDEN = 'owner_id';

/** The disk as it was read so far. */
interface Read {
  tail: string;
  content: CampaignContent;
  /** Version by intent. */
  intents: Map<string, number>;
  records: LogRecord[];
  /** The state after each of them. */
  states: JsonObject[];
  bytes: string[];
}

/** @param intentOf tells which intent a mutation id stands for */
export function createChecker(store: MemoryStore, intentOf: (mutationId: string) => string): Checker {
  let violation: Violation | undefined;
  /** What was seen first at a position: everyone else must see the same. */
  const entries = new Map<string, string>();
  const states = new Map<string, string>();
  const intents = new Map<string, string>();
  /** The highest version that was acknowledged, by campaign and epoch. */
  const acknowledged = new Map<string, number>();
  /** What was acknowledged when an intent was first sent, by campaign and epoch. */
  const floors = new Map<string, ReadonlyMap<string, number>>();
  /** Receipts of changes that are accepted and not known to be durable, by position. */
  const accepted = new Map<string, { campaignId: string; version: number; intent: string }>();
  const disk = new Map<string, Read>();
  /** What was refused for good. */
  const refused = new Set<string>();
  /** Documents by position, and what viewers held there before they were known. */
  const documents = new Map<string, JsonObject>();
  const projections = new Map<string, { readonly seen: Seen; readonly who: string }[]>();
  const claims: { campaignId: string; epoch: string; version: number; command: EditCommand; intent: string }[] = [];

  const fail = (guarantee: string, message: string): never => {
    violation ??= new Violation(guarantee, message);
    throw violation;
  };

  const agree = (seen: Map<string, string>, key: string, value: string, guarantee: string, who: string): void => {
    const first = seen.get(key);
    if (first === undefined) seen.set(key, value);
    else if (first !== value) fail(guarantee, `${key}: ${who} has ${value}, another had ${first}`);
  };

  const know = (key: string, document: JsonObject): void => {
    if (documents.has(key)) return;
    documents.set(key, document);
    for (const { seen, who } of projections.get(key) ?? []) compare(key, document, seen, who);
    projections.delete(key);
  };

  const compare = (key: string, document: JsonObject, seen: Seen, who: string): void => {
    const targeting = readTargeting(document);
    const prepared = targeting && prepareTargeting(targeting, engine);
    const [campaignId = ''] = key.split(' ');
    const outcomes = [seen.attributes, ...(seen.formerly ? [seen.formerly] : [])].flatMap((attributes) =>
      placesAfterEach(store, campaignId, prepared, attributes).map((held) =>
        prepared ? evaluate(prepared, attributes, engine, held) : {},
      ),
    );
    const possible = seen.isSettled ? outcomes.slice(-1) : outcomes;
    const assignments = possible.find((one) => isDeepStrictEqual(seen.assignments, one)) ?? possible[0] ?? {};
    const resolved = plainOf(resolve(document, targeting, assignments));
    const { [HIDDEN]: _hidden, ...visible } = resolved;
    const expected = seen.isPublic ? visible : resolved;
    if (canonical(seen.state) !== canonical(expected))
      fail('G6', `${key}: ${who} has ${canonical(seen.state)}, and should have ${canonical(expected)}`);
    if (!isDeepStrictEqual(seen.assignments, assignments))
      fail('G6', `${key}: ${who} was told ${JSON.stringify(seen.assignments)}, not ${JSON.stringify(assignments)}`);
  };

  const readDisk = (campaignId: string): Read => {
    let read = disk.get(campaignId);
    if (!read) {
      read = { tail: FIRST_TAIL, content: NOTHING, intents: new Map(), records: [], states: [], bytes: [] };
      disk.set(campaignId, read);
    }
    return read;
  };

  const take = (campaignId: string, read: Read, { bytes, tail }: { bytes: string; tail: string }): void => {
    const record: LogRecord = JSON.parse(bytes);
    const version = read.records.length + 1;
    if (record.version !== version)
      fail('G8', `${campaignId}: version ${record.version} stands at ${version} of the archive`);
    read.tail = nextTail(read.tail, bytes);
    if (tail !== read.tail) fail('G2', `${campaignId}: the tail at version ${version} does not follow`);
    const intent = intentOf(record.mutationId);
    const before = read.intents.get(intent);
    if (before !== undefined) fail('G3', `${campaignId}: ${intent} was applied at ${before} and at ${version}`);
    if (refused.has(`${campaignId} ${intent}`))
      fail('G7', `${campaignId}: ${intent} was refused for good, and was applied at ${version}`);
    read.intents.set(intent, version);
    read.records.push(record);
    read.bytes.push(bytes);
    read.content = apply(read.content, record);
    read.states.push(read.content.state);
    know(`${campaignId} ${record.epoch}:${version}`, read.content.state);
    checker.entry(campaignId, record.epoch, record, 'the archive');
  };

  const checker: Checker = {
    get violation() {
      return violation;
    },
    fail,
    note: (error) => {
      violation ??=
        error instanceof Violation
          ? error
          : new Violation('the run', error instanceof Error ? (error.stack ?? error.message) : String(error));
    },

    entry(campaignId, epoch, entry, who) {
      const key = `${campaignId} ${epoch}:${entry.version}`;
      if (!('mutationId' in entry)) return;
      const { version, type, change, actor, mutationId, at } = entry;
      agree(entries, key, canonical({ version, type, change, actor: { ...actor }, mutationId, at }), 'G2', who);
      agree(intents, key, intentOf(mutationId), 'G2', who);
    },

    state(campaignId, epoch, version, state, who, view = 'full') {
      const key = `${campaignId} ${epoch}:${version}`;
      const { [HIDDEN]: hidden, ...visible } = state;
      if (view === 'full') {
        agree(states, key, canonical(state), 'G6', who);
        know(key, state);
      }
      if (view === 'public' && hidden !== undefined) fail('G11', `${who} sees ${HIDDEN}`);
      agree(states, `${key} as everyone sees it`, canonical(visible), 'G6', who);
    },

    projection(campaignId, epoch, version, seen, who) {
      const key = `${campaignId} ${epoch}:${version}`;
      const document = documents.get(key);
      if (document) compare(key, document, seen, who);
      else projections.set(key, [...(projections.get(key) ?? []), { seen, who }]);
    },

    bytes(text, who) {
      for (const leak of LEAKS) if (text.includes(leak)) fail('G11', `${who} was sent ${leak}`);
    },

    sent(campaignId, intent) {
      if (floors.has(intent)) return;
      const floor = [...acknowledged].filter(([key]) => key.startsWith(`${campaignId} `));
      floors.set(intent, new Map(floor));
    },

    receipt(receipt, intent) {
      const { campaignId, epoch, version, changed, durability } = receipt;
      const line = `${campaignId} ${epoch}`;
      const floor = floors.get(intent)?.get(line) ?? 0;
      if (changed ? version <= floor : version < floor) {
        fail(
          'G7',
          `${intent} was answered with ${epoch}:${version}, but ${floor} had been acknowledged before it was sent`,
        );
      }
      acknowledged.set(line, Math.max(version, acknowledged.get(line) ?? 0));
      if (changed) {
        agree(intents, `${line}:${version}`, intent, 'G2', `the receipt of ${intent}`);
        if (durability === 'accepted') accepted.set(`${line}:${version}`, { campaignId, version, intent });
      }
      if (durability === 'durable') {
        checker.durable(campaignId, epoch, version, `the receipt of ${intent}`);
        if (changed && checker.versionOf(campaignId, intent) !== version)
          fail('G4', `${intent} was answered durable, and is not at ${version} of the archive`);
      }
    },

    withoutEffect({ campaignId, epoch, version }, command, intent) {
      claims.push({ campaignId, epoch, version, command, intent });
    },

    refused(campaignId, intent) {
      const version = checker.versionOf(campaignId, intent);
      if (version !== undefined) fail('G7', `${intent} is refused for good, and was applied at ${version}`);
      refused.add(`${campaignId} ${intent}`);
    },

    atRest() {
      for (const { campaignId, epoch, version, command, intent } of claims) {
        const read = disk.get(campaignId);
        if (read?.records[version - 1]?.epoch !== epoch) continue;
        // A retry may name a later version than the one at which it was decided.
        const states = read.states.slice(Math.max(0, version - 10), version);
        if (states.some((state) => Object.keys(effect(state, command)).length === 0)) continue;
        fail(
          'G5',
          `${intent} had been accepted, was lost, and was answered as if it had no effect at ${epoch}:${version}`,
        );
      }
    },

    durable(campaignId, epoch, version, who) {
      const stored = store.campaigns.get(campaignId)?.entries[version - 1];
      if (!stored)
        return fail(
          'G8',
          `${campaignId}: ${who} says that ${epoch}:${version} is durable, and it is not in the archive`,
        );
      const record: LogRecord = JSON.parse(stored.bytes);
      agree(intents, `${campaignId} ${epoch}:${version}`, intentOf(record.mutationId), 'G8', `${who}, by the archive,`);
      accepted.delete(`${campaignId} ${epoch}:${version}`);
    },

    disk() {
      for (const [campaignId, stored] of store.campaigns) {
        const read = readDisk(campaignId);
        const known = read.records.length;
        if (stored.entries.length < known)
          fail('G4', `${campaignId}: the archive went back from ${known} to ${stored.entries.length}`);
        if (known > 0 && stored.entries[known - 1]?.bytes !== read.bytes[known - 1])
          fail('G4', `${campaignId}: version ${known} of the archive has changed`);
        if (stored.entries.length === known) continue;
        for (const entry of stored.entries.slice(known)) take(campaignId, read, entry);
        if (stored.head.version !== read.records.length || stored.head.tail !== read.tail)
          fail('G8', `${campaignId}: the archive's head is not its last entry`);
        if (canonical(JSON.parse(stored.state)) !== canonical(read.content.state))
          fail('G6', `${campaignId}: the checkpoint at ${stored.head.version} is not the fold of the entries`);
        checker.state(campaignId, stored.head.epoch, stored.head.version, read.content.state, 'the archive');
      }
    },

    crashed() {
      accepted.clear();
    },

    stoppedCleanly() {
      for (const [position, { campaignId, version, intent }] of accepted) {
        if (checker.versionOf(campaignId, intent) !== version)
          fail('G5', `${intent}, accepted at ${position}, was lost in a clean stop`);
      }
    },

    versionOf(campaignId, intent) {
      checker.disk();
      return disk.get(campaignId)?.intents.get(intent);
    },

    isPin(campaignId, intent) {
      const read = disk.get(campaignId);
      const record = read?.records[(read.intents.get(intent) ?? 0) - 1];
      return (
        record !== undefined &&
        record.type !== 'archive' &&
        record.type !== 'restore' &&
        Object.keys(record.change).length === 0
      );
    },
  };
  return checker;
}

/** What was held for a viewer, at first and after each time that something came to be: of that nothing changes. */
function placesAfterEach(
  { heldPlaces, analytics }: MemoryStore,
  campaignId: string,
  prepared: PreparedTargeting | undefined,
  attributes: JsonObject,
): readonly HeldPlaces[] {
  const salt = analytics.salts.get(campaignId);
  if (salt === undefined || !prepared) return [NO_PLACES];
  const hash = unitHash(PLACES_KEY, campaignId, salt);
  const units = new Set(holdingUnits(prepared.holding, attributes).map(({ name, value }) => hash(name, value)));
  // In the order in which they were stored.
  const rows = [...heldPlaces.places.values()].filter((row) => row.campaignId === campaignId && units.has(row.unit));
  return [...rows.keys(), rows.length].map(
    (count) => new Map(rows.slice(0, count).map(({ line, bucket, since }) => [line, { bucket, since }])),
  );
}

/** The same text for the same JSON, whatever the order of its members. */
export function canonical(value: JsonValue | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isJsonObject(value)) return JSON.stringify(value) ?? 'null';
  const members = Object.keys(value).sort();
  return `{${members.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}
