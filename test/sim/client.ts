import type { PushOutcome } from '../../server/core/commands/push-outcome.ts';
import { fold, positionOf, type Mirror } from '../../client-sdk/src/sync/mirror.ts';
import * as ledger from '../../client-sdk/src/sync/pending.ts';
import type { EditCommand, Mutation } from '../../server/core/commands/command.ts';
import type { JsonObject } from '../../server/core/json.ts';
import { RefusalError, isRetryable } from '../../server/core/errors.ts';
import { LIMITS } from '../../server/core/limits.ts';
import { formatPosition, parsePosition } from '../../server/core/stream/position.ts';
import { attributesOf } from '../../server/core/targeting/viewer.ts';
import type { Manager } from '../../server/engine/manager.ts';
import type { Clock } from '../../server/engine/ports.ts';
import type { Caller, ResumableEvent } from '../../server/engine/service.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { streamMirror, type StreamMirror } from '../support/stream-mirror.ts';
import type { Way } from '../support/watching.ts';
import type { Checker } from './checker.ts';
import { LinkBroken, type Link } from './link.ts';

/** A client with the SDK's own mirror and pending mutations; link and outbox are simulated. */
export interface SimClient {
  readonly name: string;
  readonly campaignId: string;
  /** What it has seen, held to the strictest reading of the stream. */
  readonly mirror: StreamMirror;
  /** Whether nothing of it is on its way. */
  readonly idle: boolean;
  readonly connected: boolean;
  /** A new intent. */
  edit(command: EditCommand): void;
  /** A call that passes the outbox by; `undefined` where it was refused or brought no answer. */
  call<T>(what: string, work: (manager: Manager, caller: Caller) => Promise<T>): Promise<T | undefined>;
  /** The id of an intent of a direct call. */
  nextId(): string;
  /** Becomes another viewer, on the live connection too. */
  become(attributes: JsonObject): void;
  /** The attributes of a viewer. */
  readonly attributes: JsonObject | undefined;
  disconnect(): void;
  stall(milliseconds: number): void;
  /** Loses what it has seen, as a page that is loaded anew; its outbox stays. */
  forget(): void;
  /** Goes away for good. */
  leave(): void;
  /** All intents of its outbox, in the order in which they were made. */
  readonly pushed: readonly string[];
  /** Those whose last answer was that they are accepted. */
  readonly accepted: ReadonlySet<string>;
}

export interface ClientOptions {
  name: string;
  campaignId: string;
  way: Way;
  /** What it may see; a viewer, and in a run with rules also who has no token, sees the resolved document. */
  view: 'full' | 'public' | 'viewer';
  /** Attributes of whoever sees the resolved document of a run with rules. */
  attributes?: JsonObject;
  /** What its token claims of it: it stays that one, whoever it says to be. */
  claims?: JsonObject;
  clock: Clock;
  random: SeededRandom;
  checker: Checker;
  journal: (line: string) => void;
  /** A connection to a running server, or nothing where there is none. */
  connect(onBreak: () => void): Link | undefined;
  intentOf: (mutationId: string) => string;
  /** Pushes without saying where it stands, so that what is new can overtake what a reset sends again: a mistake. */
  blind: boolean;
}

/** How long the server may look up what is held for a viewer. */
const LOOK_UP_MS = 1_100;

/** As the SDK has it. */
const PUSH = { mutations: LIMITS.pushMutations, bytes: 2 * LIMITS.documentBytes };

export function createClient(options: ClientOptions): SimClient {
  const { name, campaignId, way, view, clock, random, checker, journal, intentOf, blind } = options;
  let seen = streamMirror();
  let mirror: Mirror | undefined;
  let pending: readonly ledger.Pending[] = [];
  let link: Link | undefined;
  let left = false;
  let { attributes } = options;
  /** The attributes that the server goes by. */
  let judgedBy: JsonObject = attributes ?? {};
  /** Whom it was before, until it is known what is held for the one that it has become. */
  let formerly: { readonly attributes: JsonObject; readonly until: number } | undefined;
  let made = 0;
  let pushing = false;
  /** Whether the stream has said where it goes on. */
  let current = false;
  const pushed: string[] = [];
  const accepted = new Set<string>();

  const say = (line: string): void => journal(`${name}: ${line}`);
  const later = (work: () => void): void => void clock.after(random.int(20, 200), () => !left && work());
  const push = (): void => {
    pushNext().catch(checker.note);
  };

  const connect = (): void => {
    if (left || link?.up) return;
    link = options.connect(() => {
      say('disconnected');
      later(connect);
    });
    if (!link) return later(connect);
    say(`connected at ${seen.resumeId ?? 'nothing'}`);
    seen.elsewhere();
    current = false;
    watch(link);
    push();
  };

  const watch = (over: Link): void => {
    if (!over.up || left) return;
    /** By whose attributes each event on its way was made. */
    const madeFor: { readonly attributes: JsonObject; readonly formerly: JsonObject | undefined }[] = [];
    const viewer = attributes && { viewer: { attributes } };
    judgedBy = attributes ?? {};
    over.watch({ campaignId, lastEventId: seen.resumeId, receipts: true, ...viewer }, way, {
      sent(event) {
        const former = formerly && clock.now() <= formerly.until ? formerly.attributes : undefined;
        madeFor.push({ attributes: judgedBy, formerly: former });
        checkPromises(event);
      },
      received: (event) => {
        const by = madeFor.shift() ?? { attributes: {}, formerly: undefined };
        if (over === link) take(event, by);
      },
      ended: (error) => {
        say(`the stream ended: ${String(error)}`);
        later(() => over === link && watch(over));
      },
    });
  };

  /** What an event says to be durable must be so when it is said. */
  const checkPromises = ({ event }: ResumableEvent): void => {
    if (event.type === 'entries') return;
    const at = parsePosition(event.position);
    if (at)
      checker.durable(
        campaignId,
        at.epoch,
        event.type === 'snapshot' ? event.durableVersion : at.version,
        `${name}'s ${event.type}`,
      );
  };

  const take = (
    resumable: ResumableEvent,
    by: { readonly attributes: JsonObject; readonly formerly: JsonObject | undefined },
  ): void => {
    const { event } = resumable;
    try {
      seen.take(resumable);
    } catch (error) {
      checker.fail('G1', `${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    say(
      `${event.type}${event.type === 'snapshot' ? ` (${event.reason})` : ''} → ${formatPosition(seen.epoch, seen.version)}`,
    );
    if (attributes) {
      checker.bytes(JSON.stringify(event), name);
      const { assignments, content } = seen;
      const held = { ...by, state: content.state, assignments, isPublic: view === 'public' };
      if (event.type !== 'durable') checker.projection(campaignId, seen.epoch, seen.version, held, name);
    } else if (view !== 'viewer') {
      if (event.type === 'entries')
        for (const entry of event.entries) checker.entry(campaignId, event.epoch, entry, name);
      if (event.type !== 'durable') checker.state(campaignId, seen.epoch, seen.version, seen.content.state, name, view);
    }
    const folded = fold(mirror, event);
    if (folded.kind === 'gap') return checker.fail('G1', `${name}: the SDK's mirror has a gap`);
    const before = mirror;
    mirror = folded.mirror;
    current = true;
    const entries = folded.entries.map((entry) =>
      'mutationId' in entry ? { ...entry, mutationId: intentOf(entry.mutationId) } : entry,
    );
    advance(ledger.rebase(pending, before, mirror, entries, event.type === 'snapshot'));
    push();
  };

  const advance = (step: ledger.PendingTransition): void => {
    pending = step.pending;
    for (const settlement of step.settled) {
      if (settlement.kind === 'rejected') {
        accepted.delete(settlement.mutationId);
        checker.refused(campaignId, settlement.mutationId);
      }
      if (settlement.kind === 'accepted' && settlement.receipt.changed) accepted.add(settlement.mutationId);
      // Accepted once, lost with its line, and without effect on the one that survived.
      else if (settlement.kind === 'accepted') accepted.delete(settlement.mutationId);
    }
  };

  const pushNext = async (): Promise<void> => {
    const over = link;
    if (pushing || left || !over?.up) return;
    const mutations: Mutation[] = ledger.nextPush(pending, PUSH);
    if (mutations.length === 0) return;
    pushing = true;
    pending = ledger.markSent(pending, mutations, mirror);
    for (const { mutationId } of mutations) checker.sent(campaignId, mutationId);
    say(`pushes ${mutations.map(({ mutationId }) => mutationId).join(' ')}`);
    try {
      const at = blind ? undefined : ledger.newestSeen(pending, mirror);
      const outcomes = await over.call((manager, caller) => manager.push(caller, campaignId, mutations, at));
      pushing = false;
      answered(outcomes);
      // A refusal that passes by itself: the stream is about to say why.
      if (outcomes.some((outcome) => !outcome.ok && outcome.error.retryable)) later(push);
      else push();
    } catch (error) {
      pushing = false;
      pending = ledger.requeueSent(pending);
      if (error instanceof RefusalError && isRetryable(error.refusal)) say(`refused: ${error.refusal.reason}`);
      else if (!(error instanceof LinkBroken)) throw error;
      later(push);
    }
  };

  const answered = (outcomes: readonly PushOutcome[]): void => {
    for (const outcome of outcomes) {
      if (outcome.ok) {
        const { receipt } = outcome;
        say(`${receipt.mutationId} → ${receipt.position}${receipt.changed ? '' : ' unchanged'} ${receipt.durability}`);
        const intent = intentOf(receipt.mutationId);
        checker.receipt(receipt, intent);
        const command = pending.find(({ mutation }) => mutation.mutationId === intent)?.mutation.command;
        if (!receipt.changed && accepted.has(intent) && command) checker.withoutEffect(receipt, command, intent);
      } else say(`${outcome.mutationId} → ${outcome.error.reason}`);
    }
    const named = outcomes.map((outcome) =>
      outcome.ok
        ? { ...outcome, receipt: { ...outcome.receipt, mutationId: intentOf(outcome.receipt.mutationId) } }
        : { ...outcome, mutationId: intentOf(outcome.mutationId) },
    );
    advance(ledger.applyOutcomes(pending, named, mirror));
  };

  later(connect);

  return {
    name,
    campaignId,
    get mirror() {
      return seen;
    },
    get idle() {
      return pending.length === 0 && !pushing;
    },
    get connected() {
      // A draft is not there for callers without a token.
      return link?.up === true && (current || view === 'public');
    },
    pushed,
    accepted,

    edit(command) {
      made += 1;
      const mutationId = `${name}-${made}`;
      pushed.push(mutationId);
      const mutation: Mutation = { mutationId, command, ...(mirror && { base: positionOf(mirror) }) };
      pending = [
        ...pending,
        { campaignId, mutation, madeAt: clock.now(), delivery: { kind: 'waiting' }, containedAt: undefined },
      ];
      push();
    },

    async call(what, work) {
      if (!link?.up) return undefined;
      try {
        const answer = await link.call(work);
        say(`${what} → ${JSON.stringify(answer)}`);
        return answer;
      } catch (error) {
        say(`${what} → ${String(error)}`);
        if (error instanceof LinkBroken || error instanceof RefusalError) return undefined;
        throw error;
      }
    },

    nextId() {
      made += 1;
      return `${name}-${made}`;
    },
    become(next) {
      const become = attributesOf(next, options.claims);
      attributes = become;
      const over = link;
      over?.setViewer({ attributes: next }, () => {
        if (over !== link) return;
        formerly = { attributes: judgedBy, until: clock.now() + LOOK_UP_MS };
        judgedBy = become;
      });
    },
    get attributes() {
      return attributes;
    },
    disconnect() {
      link?.break();
    },
    stall(milliseconds) {
      link?.stall(milliseconds);
    },
    forget() {
      seen = streamMirror();
      mirror = undefined;
      pending = pending.map((item) => ({
        ...item,
        delivery: { kind: 'waiting' },
        isRetry: true,
        containedAt: undefined,
      }));
      link?.break();
    },
    leave() {
      left = true;
      link?.break();
    },
  };
}
