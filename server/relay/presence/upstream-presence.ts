import { z } from 'zod';
import { RefusalError } from '../../core/errors.ts';
import { PRESENCE_LIMITS } from '../../core/presence/presence.ts';
import { proofAfter, type RelayedPresenceMessage } from '../../core/stream/replica.ts';
import type { Clock, PresenceExchange, ViewerCounts } from '../../engine/ports.ts';
import { LINK_LOST, type UpstreamLink } from '../upstream-link.ts';

/** Who is at campaigns elsewhere, as upstream says it, and how many look at them here, as upstream is told. */
export interface UpstreamPresence {
  readonly presence: PresenceExchange;
  readonly viewers: ViewerCounts;
  /** A campaign is in memory from now on: upstream is told how many look at it. */
  hold(campaignId: string): void;
  release(campaignId: string): void;
  /** The link is there again: every stream is opened anew. */
  onUp(): void;
  stop(): void;
}

/** What upstream says of one campaign that somebody here asks for. */
interface Heard {
  readonly campaignId: string;
  /** What each source has said last. */
  readonly said: Map<string, string>;
  viewers: number;
  /** Resolves with the first event. */
  readonly first: PromiseWithResolvers<void>;
  proof: string;
  /** Ends its stream; `undefined`: it has none now. */
  stop: (() => void) | undefined;
  /** Whether its stream has spoken since it was opened. */
  isCurrent: boolean;
  attempts: number;
}

/** How long the first who ask wait for what upstream knows, in milliseconds; after that they are told what is known. */
const FIRST_TIMEOUT_MS = 2_000;
/** The interval at which what upstream has said is said to count still, in milliseconds: it is believed for nine. */
const REPEAT_MS = 3_000;
/** How long the count of a stream that was lost still counts, in milliseconds. */
const BELIEVED_MS = 9_000;
const RETRY_MS = { first: 200, longest: 5_000 } as const;
/** The interval at which upstream is told of counts that have changed; after a failure, in milliseconds. */
const TELL_MS = 500;
const TELL_AFTER_FAILURE_MS = 5_000;
const TELL_TIMEOUT_MS = 5_000;
const COUNTS_AT_ONCE = 512;
/** Sources of one campaign: instances, and relays of one instance. */
const MAX_SOURCES = 4_096;

const source = z.string().max(64);
const message: z.ZodType<RelayedPresenceMessage> = z.object({
  proof: z.string(),
  event: z.object({
    type: z.enum(['all', 'changes']),
    said: z.array(z.tuple([source, z.string().max(PRESENCE_LIMITS.stateBytes)])).max(MAX_SOURCES),
    gone: z.array(source).max(MAX_SOURCES),
    viewers: z.int().min(0),
  }),
});

/**
 * Presence over the link, as the log of several instances exchanges it: what upstream says of those who are elsewhere
 * comes by one stream for each campaign that somebody here asks for. Of those who are here it is told by each of them
 * (`attendance.ts`), and how many look, by number.
 */
export function createUpstreamPresence(
  link: UpstreamLink,
  clock: Pick<Clock, 'after'>,
  onDistrust: (campaignId: string, why: string) => void,
): UpstreamPresence {
  const heardOf = new Map<string, Heard>();
  const held = new Set<string>();
  const told = new Map<string, number>();
  let toldOn: number | undefined;
  let countOf: (campaignId: string) => number = () => 0;
  let hear: Parameters<PresenceExchange['onPublished']>[0] = () => undefined;
  let stopped = false;

  const isKept = (heard: Heard): boolean => !stopped && heardOf.get(heard.campaignId) === heard;

  const leave = (heard: Heard): void => {
    heard.stop?.();
    heard.stop = undefined;
    heard.isCurrent = false;
    clock.after(BELIEVED_MS, () => {
      if (!heard.isCurrent) heard.viewers = 0;
    });
  };

  const later = (heard: Heard): void => {
    const delay = Math.min(RETRY_MS.first * 2 ** heard.attempts, RETRY_MS.longest);
    heard.attempts += 1;
    clock.after(delay, () => {
      if (isKept(heard) && !heard.stop) open(heard);
    });
  };

  function open(heard: Heard): void {
    heard.stop?.();
    heard.proof = '';
    const { campaignId } = heard;
    let isOver = false;
    let stopStream = (): void => undefined;
    const onEnd = (error: unknown): void => {
      if (isOver) return;
      heard.stop = undefined;
      leave(heard);
      if (error instanceof RefusalError && error.refusal.reason === 'NOT_FOUND') {
        // Nobody is there, and whoever asks need not wait; its room may stay open here, and it may be there again.
        heard.first.resolve();
        heard.attempts = Number.POSITIVE_INFINITY;
      }
      // `onUp` opens it again.
      if (error !== LINK_LOST) later(heard);
    };
    heard.stop = () => {
      isOver = true;
      stopStream();
    };
    try {
      stopStream = link.subscribe(
        'relay.presence',
        { campaignId },
        {
          onData(data) {
            if (!isOver && isKept(heard)) receive(heard, data);
          },
          onEnd,
        },
      );
    } catch (error) {
      onEnd(error);
    }
  }

  function receive(heard: Heard, data: unknown): void {
    const { campaignId, said } = heard;
    const parsed = message.safeParse(data);
    // The proof is of what was sent, whatever a newer version adds to it.
    const proof = parsed.success ? proofAfter(heard.proof, (data as RelayedPresenceMessage).event) : '';
    if (!parsed.success || proof !== parsed.data.proof) {
      onDistrust(campaignId, 'who is there was lost, doubled or changed on its way');
      leave(heard);
      later(heard);
      return;
    }
    const { event } = parsed.data;
    heard.proof = proof;
    heard.isCurrent = true;
    heard.attempts = 0;
    heard.viewers = event.viewers;
    const present = new Set(event.said.map(([from]) => from));
    const gone = event.type === 'all' ? [...said.keys()].filter((from) => !present.has(from)) : event.gone;
    for (const from of gone) if (said.delete(from)) hear(campaignId, from, undefined);
    for (const [from, text] of event.said) {
      said.set(from, text);
      hear(campaignId, from, text);
    }
    heard.first.resolve();
  }

  function shut(campaignId: string): void {
    const heard = heardOf.get(campaignId);
    if (!heard) return;
    heardOf.delete(campaignId);
    heard.stop?.();
    heard.first.resolve();
  }

  /** The streams are silent while nothing changes, and the link has its own heartbeat. */
  let cancelRepeat = clock.after(REPEAT_MS, repeat);
  function repeat(): void {
    for (const { campaignId, said, isCurrent } of heardOf.values())
      if (isCurrent) for (const [from, text] of said) hear(campaignId, from, text);
    cancelRepeat = clock.after(REPEAT_MS, repeat);
  }

  /** Tells upstream what has changed since it was told last, as much of it as one message takes. */
  const tell = async (): Promise<void> => {
    if (!link.isUp) return;
    if (toldOn !== link.generation) told.clear();
    toldOn = link.generation;
    const counts = [];
    for (const campaignId of new Set([...held, ...told.keys()])) {
      const viewers = held.has(campaignId) ? countOf(campaignId) : 0;
      if (viewers !== (told.get(campaignId) ?? 0)) counts.push({ campaignId, viewers });
      if (counts.length === COUNTS_AT_ONCE) break;
    }
    if (counts.length === 0) return;
    await link.query('relay.viewers', { counts }, TELL_TIMEOUT_MS);
    for (const { campaignId, viewers } of counts) {
      if (viewers > 0) told.set(campaignId, viewers);
      else told.delete(campaignId);
    }
  };

  let cancelTell = clock.after(TELL_MS, tellAgain);
  function tellAgain(): void {
    void tell()
      .then(
        () => TELL_MS,
        () => TELL_AFTER_FAILURE_MS,
      )
      .then((delay) => {
        if (!stopped) cancelTell = clock.after(delay, tellAgain);
      });
  }

  return {
    presence: {
      // Each of those who are here says so itself; what is of interest here is when nobody is left.
      async publish(campaignId, text) {
        if (text === undefined) shut(campaignId);
      },

      async read(campaignId) {
        const known = heardOf.get(campaignId);
        const heard: Heard = known ?? {
          campaignId,
          said: new Map(),
          viewers: 0,
          first: Promise.withResolvers(),
          proof: '',
          stop: undefined,
          isCurrent: false,
          attempts: 0,
        };
        heardOf.set(campaignId, heard);
        if (!known && link.isUp) open(heard);
        const timeout = Promise.withResolvers<void>();
        const cancel = clock.after(link.isUp ? FIRST_TIMEOUT_MS : 0, timeout.resolve);
        await Promise.race([heard.first.promise, timeout.promise]);
        cancel();
        return heard.isCurrent ? new Map(heard.said) : new Map();
      },

      onPublished(listener) {
        hear = listener;
      },
    },

    viewers: {
      provide(source) {
        countOf = source;
      },
      elsewhere: async (campaignIds) =>
        new Map(
          campaignIds.flatMap((campaignId): [string, number][] => {
            const viewers = heardOf.get(campaignId)?.viewers ?? 0;
            return viewers > 0 ? [[campaignId, viewers]] : [];
          }),
        ),
    },

    hold: (campaignId) => void held.add(campaignId),
    release: (campaignId) => void held.delete(campaignId),

    onUp() {
      for (const heard of heardOf.values()) {
        heard.attempts = 0;
        open(heard);
      }
    },

    stop() {
      stopped = true;
      cancelRepeat();
      cancelTell();
      for (const campaignId of heardOf.keys()) shut(campaignId);
    },
  };
}
