import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import type { AuditStore, StoredStatement } from '../core/audit-store.ts';
import type { SignedHead } from './verify-histories.ts';
import { isJsonObject, type JsonValue } from '../core/json.ts';
import type { ProvenRedaction, Redaction } from '../core/stream/redaction.ts';
import { parseJson, type ClaimedBase } from '../snapshot/history-proof.ts';

/*
 * Signed statements. The chain of a campaign shows that no row of it was changed; whoever may write to the database
 * could write a whole chain anew. So an instance with a key signs, again and again, where the chains stand. A statement
 * holds the hash of the one before it, so that none can be left out but the newest; exports keep those elsewhere.
 */

/** What a statement says, as JSON in the bytes that are signed. */
interface Statement {
  readonly position: number;
  /** Epoch milliseconds. */
  readonly at: number;
  /** SHA-256 of the bytes of the statement before it, in base64url; empty for the first. */
  readonly previous: string;
  /**
   * `heads`: the chains of these campaigns stand there. `replaced`: what was said of them before does not count.
   * `deleted`: nor does it, and they are to be deleted, with their chains. `compacted`: their histories begin there,
   * with that state. `redacted`: so much was taken out of that entry, and so much is left.
   */
  readonly kind: 'heads' | 'replaced' | 'deleted' | 'compacted' | 'redacted';
  readonly heads: readonly {
    readonly campaignId: string;
    readonly version: number;
    readonly tail: string;
    /** Of `compacted`: the hash of the state. */
    readonly state?: string;
  }[];
  /** Of `redacted`: what, when and by whom, and the hash of what is left. */
  readonly redaction?: Redaction & { readonly hash: string };
}

/** A private key that signs, and the public ones by which signatures are verified. */
export interface StatementKeys {
  readonly signing: KeyObject | undefined;
  readonly verifying: readonly KeyObject[];
}

/**
 * Reads keys in PEM.
 *
 * @param privatePem an Ed25519 key (`openssl genpkey -algorithm ed25519`)
 * @param publicPems public keys whose signatures count too, such as that of a key that was replaced
 * @throws Error in one sentence where one is none
 */
export function readStatementKeys(privatePem: string | undefined, publicPems: readonly string[] = []): StatementKeys {
  const read = (make: () => KeyObject): KeyObject => {
    const key = (() => {
      try {
        return make();
      } catch {
        return undefined;
      }
    })();
    if (key?.asymmetricKeyType !== 'ed25519') throw new Error('It is no Ed25519 key in PEM.');
    return key;
  };
  const signing = privatePem === undefined ? undefined : read(() => createPrivateKey(privatePem));
  const others = publicPems.map((pem) => read(() => createPublicKey(pem)));
  return { signing, verifying: signing ? [createPublicKey(signing), ...others] : others };
}

/** Heads in one statement, at most. */
const HEADS_AT_ONCE = 500;

/** Statements that are tried where another instance takes the position. */
const ATTEMPTS = 5;

export interface SignOptions {
  readonly store: AuditStore;
  readonly key: KeyObject;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Signs where chains stand: those that have grown by so many entries since they were signed, and those that have grown
 * at all since that time. Any number of instances may do it at once.
 *
 * @returns how many heads were signed
 */
export async function signHeads(
  { store, key, now }: SignOptions,
  minEntries: number,
  signedBefore: number,
): Promise<number> {
  let signed = 0;
  for (;;) {
    const due = await store.unsignedHeads(minEntries, signedBefore, HEADS_AT_ONCE);
    if (due.length === 0) return signed;
    const heads = due.map(({ campaignId, head: { version, tail } }) => ({ campaignId, version, tail }));
    if (!(await append({ store, key, now }, 'heads', heads))) return signed;
    signed += heads.length;
    if (heads.length < HEADS_AT_ONCE) return signed;
  }
}

/** Signs that a campaign was replaced, by a restore: what was signed of it before does not count any more. */
export async function signReplaced(
  options: SignOptions,
  head: { readonly campaignId: string; readonly version: number; readonly tail: string },
): Promise<boolean> {
  return append(options, 'replaced', [head]);
}

/**
 * Signs that a campaign is about to be deleted, where its chain ends: that it is gone then is no finding. It is said
 * before, because a record of a deletion that is only found in the database may have been written by anybody.
 *
 * @throws Error where the statement could not be appended
 */
export async function signDeleted(
  options: SignOptions,
  { campaignId, version, tail }: { readonly campaignId: string; readonly version: number; readonly tail: string },
): Promise<void> {
  if (!(await append(options, 'deleted', [{ campaignId, version, tail }])))
    throw new Error(`${campaignId}: its deletion could not be signed`);
}

/** Signs that a history begins with that base; said before the rest of it goes. */
export async function signCompacted(options: SignOptions, campaignId: string, base: ClaimedBase): Promise<void> {
  const head = { campaignId, version: base.version, tail: base.tail, state: hashOfBase(base) };
  if (!(await append(options, 'compacted', [head]))) throw new Error(`${campaignId}: its base could not be signed`);
}

/** Signs that something is taken out of an entry, and what is left of it; said before it is done. */
export async function signRedacted(
  options: SignOptions,
  { campaignId, version, tail, redaction, hash }: ProvenRedaction & { readonly campaignId: string },
): Promise<void> {
  if (!(await append(options, 'redacted', [{ campaignId, version, tail }], { ...redaction, hash })))
    throw new Error(`${campaignId}: its redaction could not be signed`);
}

/** The hash of what a history begins with, whatever the order of its members. */
export function hashOfBase({ state, archivedAt, updatedAt, updatedBy }: Omit<ClaimedBase, 'version' | 'tail'>): string {
  return hashOf(JSON.stringify([ordered(state ?? null), archivedAt ?? null, updatedAt, updatedBy]));
}

/** A value with the members of its objects in the order of their names. */
function ordered(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(ordered);
  if (!isJsonObject(value)) return value;
  // As pairs: in an object, names that look like numbers come first.
  return Object.keys(value)
    .sort()
    .map((name) => [name, ordered(value[name] ?? null)]);
}

async function append(
  { store, key, now }: SignOptions,
  kind: Statement['kind'],
  heads: Statement['heads'],
  redaction?: Statement['redaction'],
): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const last = await store.lastStatement();
    const position = (last?.position ?? 0) + 1;
    const at = now();
    const statement: Statement = {
      position,
      at,
      previous: last ? hashOf(last.bytes) : '',
      kind,
      heads,
      ...(redaction && { redaction }),
    };
    const bytes = JSON.stringify(statement);
    const signature = sign(null, Buffer.from(bytes), key).toString('base64url');
    // The entry of a redaction may be an old one: what was signed last of the campaign stays known.
    const newest = kind === 'redacted' ? [] : heads;
    if (await store.appendStatement({ position, bytes, signature }, newest, at)) return true;
  }
  return false;
}

/** What was signed of each campaign, or what does not fit in the statements themselves. */
export type StatementsRead =
  | {
      readonly ok: true;
      readonly count: number;
      readonly heads: ReadonlyMap<string, readonly SignedHead[]>;
      /** By tail of the entry, whose campaign may have been replaced since. */
      readonly redactions: ReadonlyMap<string, readonly ProvenRedaction[]>;
    }
  | { readonly ok: false; readonly position: number; readonly problem: string };

/** Statements that are read at once. */
const STATEMENTS_AT_ONCE = 200;

/** Reads and verifies all statements. */
export async function readStatements(store: AuditStore, keys: readonly KeyObject[]): Promise<StatementsRead> {
  const heads = new Map<string, SignedHead[]>();
  const redactions = new Map<string, ProvenRedaction[]>();
  let last: StoredStatement | undefined;
  for (;;) {
    const page = await store.readStatements(last?.position ?? 0, STATEMENTS_AT_ONCE);
    if (page.length === 0) return { ok: true, count: last?.position ?? 0, heads, redactions };
    for (const stored of page) {
      const { position, bytes, signature } = stored;
      const misfit = (problem: string): StatementsRead => ({ ok: false, position, problem });
      if (position !== (last?.position ?? 0) + 1) return misfit(`statement ${(last?.position ?? 0) + 1} is missing`);
      const isSigned = keys.some((key) => verify(null, Buffer.from(bytes), key, Buffer.from(signature, 'base64url')));
      if (!isSigned) return misfit(`statement ${position} is not signed by a known key`);
      // Signed by this server's key: it has the shape that was written.
      const statement = parseJson(bytes) as unknown as Statement;
      if (statement.position !== position || statement.previous !== (last ? hashOf(last.bytes) : ''))
        return misfit(`statement ${position} does not follow the one before it`);
      for (const { campaignId, version, tail, state } of statement.heads) {
        if (statement.redaction) {
          const { hash, ...redaction } = statement.redaction;
          redactions.set(tail, [...(redactions.get(tail) ?? []), { version, tail, redaction, hash }]);
          continue;
        }
        const isOver = statement.kind === 'replaced' || statement.kind === 'deleted';
        const known = isOver ? [] : (heads.get(campaignId) ?? []);
        if (statement.kind === 'deleted') heads.delete(campaignId);
        else heads.set(campaignId, [...known, { version, tail, position, ...(state !== undefined && { state }) }]);
      }
      last = stored;
    }
  }
}

function hashOf(bytes: string): string {
  return createHash('sha256').update(bytes).digest('base64url');
}
