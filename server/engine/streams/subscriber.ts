import type { DocumentTree } from '../../core/document/document-tree.ts';
import type { Viewer } from '../../core/document/targeting-fields.ts';
import { RefusalError } from '../../core/errors.ts';
import { jsonEqual, type JsonObject } from '../../core/json.ts';
import { CALL_ACTIONS, can, hasExpired, type Identity } from '../../core/permissions.ts';
import { treeOf } from '../../core/stream/apply.ts';
import type { Audience, JudgedBy, Projector, ViewerJudgement } from '../../core/stream/audience.ts';
import { joining, parseResumeId, step, type Cursor, type Step } from '../../core/stream/cursor.ts';
import { lastSharedVersion } from '../../core/stream/position.ts';
import { isResolved, showsActors, viewKey, type View, type Views } from '../../core/stream/views.ts';
import type { PreparedTargeting } from '../../core/targeting/evaluate.ts';
import { NO_PLACES } from '../../core/targeting/held-places.ts';
import { hasTargeting } from '../../core/targeting/targeting.ts';
import type { CampaignEvents } from './campaign-events.ts';
import type { Cohorts } from './cohorts.ts';
import type { HeldPlacesService } from '../campaign/held-places.ts';
import { isPublished, type LiveCampaign } from '../campaign/live-campaign.ts';
import type { EngineObserver } from '../observer.ts';
import type { Clock } from '../ports.ts';
import { expired, notFound } from '../refusals.ts';
import { RightsWatch } from './rights-watch.ts';
import type { Reader, ResumableEvent } from '../service.ts';
import { placesToHold, seenBy, streamQuery, type ReaderAndViewer } from './viewer.ts';

/**
 * Per-subscriber state: view, outcome of the rules, cursor, rights. It has no queue; what it missed is read from the
 * campaign's ring buffer.
 */
export interface Subscriber {
  readonly reader: Reader;
  /** Whether it is also sent the watermark. */
  readonly receipts: boolean;
  /** Key of those who are sent the same as long as the rules stay what they are. */
  readonly groupKey: string;
  readonly closed: boolean;
  /** Where it stands in the stream. Push delivery sets it too, because the members of a group share one cursor. */
  cursor: Cursor;
  /**
   * Whether the next entry changes the rules, so that what it is sent follows from its own attributes, and differs from
   * what others of its group are sent.
   */
  isNextItsOwn(): boolean;
  /**
   * Moves the cursor to the next event.
   *
   * @returns that event, or `undefined` at the head
   * @throws RefusalError once its right to read has ended, or where it would be in one cohort too many
   */
  nextEvent(): ResumableEvent | undefined;
  /** Its socket is congested: until the next event, a lag of more than the buffer is answered with a snapshot. */
  markLagging(): void;
  /** Ends it; false where it had ended before. */
  close(): boolean;
}

/** What all subscribers of one campaign share. */
export interface SubscriberContext {
  live: LiveCampaign;
  events: CampaignEvents;
  projector: Projector;
  cohorts: Cohorts;
  heldPlaces: HeldPlacesService;
  clock: Clock;
  observer: EngineObserver;
  /** Entries that a lagging reader may be behind and still be sent one by one; `CAMPAIGN_SUBSCRIBER_BUFFER`. */
  buffer: number;
  views: Views;
}

export interface SubscriberOptions extends ReaderAndViewer {
  /** Resume id of the last event that the reader has; `undefined` begins with a snapshot. */
  lastEventId: string | undefined;
  receipts: boolean;
  /** What was looked up for it before. */
  judgedBy: JudgedBy | undefined;
  /** The reader's identity or viewer has been replaced, or its token has expired. */
  onRightsChanged(): void;
}

/** @throws RefusalError where it would be in one cohort too many */
export function createSubscriber(context: SubscriberContext, options: SubscriberOptions): Subscriber {
  return new CampaignSubscriber(context, options);
}

/** A class, because there is one for each reader: methods on a prototype take no memory of each. */
class CampaignSubscriber implements Subscriber {
  readonly reader: Reader;
  readonly receipts: boolean;
  cursor: Cursor;
  readonly #context: SubscriberContext;
  readonly #rights: RightsWatch;
  readonly #viewer: Viewer | undefined;
  readonly #viewerRevision: number;
  #view: View;
  #judgedBy: JudgedBy;
  /** What was looked up last, which becomes what it is judged by with its next event. */
  #found: JudgedBy | undefined;
  /** The attributes for which places are being looked up. */
  #lookingUp: JsonObject | undefined;
  /** The identity that it was judged with. */
  #identity: Identity;
  /** What it sees at the version of its cursor. */
  #audience: Audience;
  /** The outcome of the rules by which it was judged last: as long as they are the same, so is that. */
  #judged: (ViewerJudgement & { readonly rules: PreparedTargeting }) | undefined;
  /** The judgement of which the unheld places are stored, or being stored. */
  #holding: ViewerJudgement | undefined;
  #lagging = false;
  readonly #onRightsChanged: () => void;

  constructor(context: SubscriberContext, options: SubscriberOptions) {
    const { reader, lastEventId, receipts, viewer, viewerRevision, judgedBy, onRightsChanged } = options;
    this.reader = reader;
    this.receipts = receipts;
    this.#context = context;
    this.#viewer = viewer;
    this.#viewerRevision = viewerRevision;
    this.#onRightsChanged = onRightsChanged;
    this.#identity = reader.identity();
    const { view, attributes } = this.#seenBy(this.#identity);
    this.#view = view;
    this.#found = judgedBy;
    // Where it has become another viewer since, what is held for that one comes later.
    this.#judgedBy = this.#knownFor(attributes) ?? { attributes, held: NO_PLACES };
    const { audience, cursor } = this.#start(lastEventId);
    this.#audience = context.cohorts.enter(audience);
    this.cursor = cursor;
    this.#rights = new RightsWatch(reader, context.clock, onRightsChanged);
    if (!this.#found || this.#found !== this.#judgedBy) this.#lookUp(attributes);
  }

  get closed(): boolean {
    return this.cursor.phase === 'closed';
  }

  get groupKey(): string {
    // Without targeting both see the same under the same key, until there is some.
    return `${isResolved(this.#view) ? 'v' : ''} ${this.#audience.key}`;
  }

  isNextItsOwn(): boolean {
    if (!isResolved(this.#view)) return false;
    const due = this.#due();
    if (due.kind === 'entries') return this.#changesRules(due);
    return due.kind === 'snapshot' && hasTargeting(treeOf(this.#context.live.content));
  }

  nextEvent(): ResumableEvent | undefined {
    this.#authorise();
    const { live, events, observer } = this.#context;
    const joins = this.cursor.phase === 'joining';
    const next = this.#due();
    const from = this.#audience;
    if (next.kind === 'snapshot') this.#become(this.#audienceAt(treeOf(live.content)));
    else if (next.kind === 'entries' && this.#changesRules(next)) this.#become(this.#audienceAfter(next));
    this.cursor = next.cursor;
    if (next.kind !== 'idle' && next.kind !== 'durable') this.#hold();
    // Whichever step it was, the reader now lacks nothing, or is about to be sent the rest.
    this.#lagging = false;
    if (next.kind === 'idle') return undefined;
    if (joins && next.kind !== 'durable') observer.joined?.(next.kind === 'entries' ? 'entries' : next.reason);
    if (next.kind === 'snapshot' && next.reason === 'slow') observer.dropped?.();
    return events.make(next, from, this.#audience);
  }

  markLagging(): void {
    this.#lagging = true;
  }

  close(): boolean {
    if (this.cursor.phase === 'closed') return false;
    this.cursor = { phase: 'closed' };
    this.#context.cohorts.leave(this.#audience);
    this.#rights.stop();
    return true;
  }

  /** The step that it is due. */
  #due(): Step {
    const { live, buffer } = this.#context;
    const ringFloor = showsActors(this.#view) ? live.ring.floor : Math.max(live.ring.floor, live.publicFloor);
    const timeline = {
      ...live.head,
      lineage: live.lineage,
      ringFloor,
      durableVersion: live.watermark.version,
      stale: live.stale,
    };
    const due = step(this.cursor, timeline, { lagging: this.#lagging, buffer, receipts: this.receipts });
    return due.kind === 'entries' && isResolved(this.#view) ? this.#cut(due) : due;
  }

  /**
   * Cuts entries off before the first one that changes the rules; that one is sent by itself, to each by its own
   * outcome. Where a document between which the difference is shown is not kept, what is due is a snapshot.
   */
  #cut({ after, cursor }: Extract<Step, { kind: 'entries' }>): Step {
    const { live } = this.#context;
    const touched = live.trees.nextTouched(after);
    const until = touched === undefined ? live.head.version : touched === after + 1 ? touched : touched - 1;
    const isPlain = until !== touched && live.trees.at(after) === 'plain';
    if (isPlain || this.#keeps(after, until))
      return {
        kind: 'entries',
        after,
        until,
        cursor: cursor.phase === 'live' ? { ...cursor, version: until } : cursor,
      };
    const reason = this.cursor.phase === 'joining' ? this.cursor.reason : 'slow';
    const { epoch, version } = live.head;
    const { stale } = live;
    return {
      kind: 'snapshot',
      reason,
      cursor: { phase: 'live', epoch, version, durable: live.watermark.version, stale },
    };
  }

  /** Whether the documents at all of these versions are at hand. */
  #keeps(from: number, until: number): boolean {
    const { trees } = this.#context.live;
    for (let version = from; version <= until; version += 1) if (!trees.document(version)) return false;
    return true;
  }

  /** Whether a step is the one entry that changes the rules: others have been cut off before it. */
  #changesRules({ after, until }: Extract<Step, { kind: 'entries' }>): boolean {
    return isResolved(this.#view) && until === after + 1 && this.#context.live.trees.nextTouched(after) === until;
  }

  /** What it sees after such a step. */
  #audienceAfter({ until = 0 }: Extract<Step, { kind: 'entries' }>): Audience {
    const document = this.#context.live.trees.document(until);
    return document ? this.#audienceAt(document) : this.#audience;
  }

  #become(audience: Audience): void {
    if (audience === this.#audience) return;
    this.#audience = this.#context.cohorts.enter(audience, this.#audience);
  }

  #audienceAt(document: DocumentTree): Audience {
    const { live, projector } = this.#context;
    const rules = isResolved(this.#view) ? projector.prepared(document) : undefined;
    if (rules && rules === this.#judged?.rules) return this.#judged.audience;
    const judgement = projector.judge(live.id, document, this.#view, this.#judgedBy);
    this.#judged = rules && { ...judgement, rules };
    return judgement.audience;
  }

  /**
   * Has those places stored by which it sees what it is sent. An editor who looks as somebody else changes nothing for
   * that one.
   */
  #hold(): void {
    const { live, heldPlaces } = this.#context;
    const judged = this.#judged;
    if (!judged || judged === this.#holding || judged.audience.key !== this.#audience.key) return;
    this.#holding = judged;
    if (judged.unheld.length === 0 || this.cursor.phase !== 'live') return;
    heldPlaces.hold(live.id, placesToHold(this.#identity, live.id, judged.unheld), this.cursor.version);
  }

  /** What was looked up for these attributes; `undefined` where nothing was. */
  #knownFor(attributes: JsonObject): JudgedBy | undefined {
    return this.#found && jsonEqual(this.#found.attributes, attributes) ? this.#found : undefined;
  }

  /** The same; where nothing was looked up, that begins, and calls for another look at it once it is known. */
  #lookUp(attributes: JsonObject): JudgedBy | undefined {
    const known = this.#knownFor(attributes);
    if (known) return known;
    if (this.#lookingUp && jsonEqual(this.#lookingUp, attributes)) return undefined;
    const { live, projector, heldPlaces } = this.#context;
    const held = heldPlaces.find(streamQuery(live, attributes, projector));
    if (!(held instanceof Promise)) return (this.#found = { attributes, held });
    this.#lookingUp = attributes;
    void held.then((places) => {
      if (this.#lookingUp !== attributes) return;
      this.#lookingUp = undefined;
      this.#found = { attributes, held: places };
      if (!this.closed) this.#onRightsChanged();
    });
    return undefined;
  }

  #seenBy(identity: Identity): { readonly view: View; readonly attributes: JsonObject } {
    const { live, views } = this.#context;
    return seenBy(
      { reader: this.reader, viewer: this.#viewer, viewerRevision: this.#viewerRevision },
      live.id,
      views,
      identity,
    );
  }

  /** Where it begins: at its resume id, if it can be shown that it saw there what it would see there now. */
  #start(lastEventId: string | undefined): { audience: Audience; cursor: Cursor } {
    const { live } = this.#context;
    const head = treeOf(live.content);
    if (!isResolved(this.#view))
      return { audience: this.#audienceAt(head), cursor: joining(lastEventId, viewKey(this.#view)) };
    const resume = lastEventId === undefined ? undefined : parseResumeId(lastEventId);
    const bound = resume && lastSharedVersion(resume.epoch, live.head, live.lineage);
    // A position that is not on the timeline is told so, whoever asks.
    if (!resume || bound === undefined || resume.version > bound)
      return { audience: this.#audienceAt(head), cursor: joining(lastEventId, resume?.viewKey ?? '') };
    const document = live.trees.at(resume.version);
    if (!document) return { audience: this.#audienceAt(head), cursor: { phase: 'joining', reason: 'too-old' } };
    const audience = this.#audienceAt(document === 'plain' ? {} : document);
    return { audience, cursor: joining(lastEventId, audience.key) };
  }

  /**
   * Checks the right to read before every event: since the last one the identity may have been replaced, the token may
   * have expired, or the campaign may have become a draft. Also takes over another viewer.
   */
  #authorise(): void {
    const { live, clock } = this.#context;
    const identity = this.reader.identity();
    const refusal = refuseReader(identity, live, clock.now());
    if (refusal) throw refusal;
    const { view, attributes } = this.#seenBy(identity);
    const isSameView =
      view === this.#view || (viewKey(view) === viewKey(this.#view) && isResolved(view) === isResolved(this.#view));
    const { attributes: before } = this.#judgedBy;
    const isSameViewer = attributes === before || jsonEqual(attributes, before);
    const isNews = this.#found !== this.#judgedBy && this.#knownFor(attributes) !== undefined;
    if (isSameView && isSameViewer && !isNews) {
      this.#view = view;
      this.#identity = identity;
      return;
    }
    const isSameIdentity = identity === this.#identity;
    this.#view = view;
    const found = this.#lookUp(attributes);
    // Who becomes somebody else goes on as whom it was until it is known what that one holds, so that it does not see
    // an arm for a moment. Rights are another matter: of an identity that was replaced nothing is shown any more.
    if (!found && isSameView && isSameIdentity) return;
    this.#identity = identity;
    this.#judgedBy = found ?? { attributes, held: NO_PLACES };
    this.#judged = undefined;
    const at = this.cursor.phase === 'live' ? live.trees.at(this.cursor.version) : undefined;
    const seen = at && this.#audienceAt(at === 'plain' ? {} : at);
    if (seen?.key === this.#audience.key) this.#become(seen);
    else this.cursor = { phase: 'joining', reason: 'view' };
  }
}

/** The refusal for an identity that may not read a campaign now, or where it was deleted; `undefined` where it may. */
export function refuseReader(identity: Identity, live: LiveCampaign, now: number): RefusalError | undefined {
  if (hasExpired(identity, now)) return expired();
  if (can(identity, CALL_ACTIONS.watch, live.id, isPublished(live.content))) return live.gone;
  return identity.anonymous === true
    ? notFound(live.id)
    : new RefusalError('FORBIDDEN', `campaignId: your token gives no right to read ${live.id}`, {
        path: ['campaignId'],
      });
}
