import { isRetryable, RefusalError } from '../../core/errors.ts';
import { CALL_ACTIONS, can, type Identity } from '../../core/permissions.ts';
import type { Connection } from '../../api/connection/context.ts';
import type { CallForwarding, Upstream } from '../../api/connection/upstream.ts';
import type { PresenceSetting } from '../../engine/presence/presence-room.ts';
import type { Clock } from '../../engine/ports.ts';

/** What upstream is told of who is here, each by its own token. */
export type Attendance = Pick<Upstream, 'attend' | 'say'>;

/** The interval at which upstream is told what one page says of itself, at most, in milliseconds. */
const SAY_INTERVAL_MS = 100;
const RETRY_MS = { first: 500, longest: 10_000 } as const;
/** Refusals that only another token helps against. */
const FINAL: ReadonlySet<string> = new Set(['FORBIDDEN', 'UNAUTHORIZED']);

/** A connection that watches who is at a campaign. */
interface Page {
  readonly connection: Connection;
  readonly campaignId: string;
  /** Its watches of that campaign. */
  watches: number;
  /** By whose right upstream counts it. */
  identity: Identity | undefined;
  /** Its `presence.attend`; `undefined`: it has none now. */
  stream: AsyncIterableIterator<unknown> | undefined;
  /** Whether upstream has said that it is in the room. */
  isIn: boolean;
  setting: PresenceSetting | undefined;
  saidAt: number;
  cancelSay: (() => void) | undefined;
  attempts: number;
  cancelRetry: (() => void) | undefined;
}

/**
 * Tells upstream of the editors who watch who is at a campaign here: each has a subscription there, `presence.attend`,
 * forwarded as its own, so that upstream judges it by its token and knows at once when it has left. What comes back are
 * no pictures, but one event, upon which upstream is told where the page is: then, and whenever that changes.
 */
export function createAttendance(
  upstream: Pick<CallForwarding, 'call' | 'subscribe'>,
  clock: Pick<Clock, 'after' | 'now' | 'id'>,
): Attendance {
  const pages = new WeakMap<Connection, Map<string, Page>>();

  const isEditor = ({ connection, campaignId }: Page): boolean =>
    can(connection.identity(), CALL_ACTIONS.setPresence, campaignId, true);

  const later = (page: Page): void => {
    const delay = Math.min(RETRY_MS.first * 2 ** page.attempts, RETRY_MS.longest);
    page.attempts += 1;
    page.cancelRetry ??= clock.after(delay, () => {
      page.cancelRetry = undefined;
      open(page);
    });
  };

  const follow = async (page: Page, stream: AsyncIterableIterator<unknown>): Promise<void> => {
    let refusal: unknown;
    try {
      for await (const _ of stream) {
        if (page.stream !== stream) return;
        page.isIn = true;
        page.attempts = 0;
        sayNow(page);
      }
    } catch (error) {
      refusal = error;
    }
    if (page.stream !== stream) return;
    page.stream = undefined;
    page.isIn = false;
    if (!(refusal instanceof RefusalError && FINAL.has(refusal.refusal.reason))) later(page);
  };

  function open(page: Page): void {
    const { connection, campaignId } = page;
    if (page.stream || page.watches === 0 || !isEditor(page)) return;
    page.identity = connection.identity();
    try {
      page.stream = upstream.subscribe(connection, {
        path: 'presence.attend',
        type: 'subscription',
        input: { campaignId },
        correlationId: clock.id(),
      });
    } catch {
      // Upstream is told of nobody who shows no token.
      return;
    }
    void follow(page, page.stream);
  }

  function shut(page: Page): void {
    const { stream } = page;
    page.stream = undefined;
    page.isIn = false;
    page.cancelRetry?.();
    page.cancelRetry = undefined;
    stream?.return?.().catch(() => undefined);
  }

  function sayNow(page: Page): void {
    page.cancelSay?.();
    page.cancelSay = undefined;
    const { connection, campaignId, setting, isIn } = page;
    if (!isIn || !setting) return;
    page.saidAt = clock.now();
    const { focus, data } = setting;
    const input = { campaignId, ...(focus && { focus }), ...(data && { data }) };
    upstream
      .call(connection, { path: 'presence.set', type: 'mutation', input, correlationId: clock.id() })
      .catch((error: unknown) => {
        // The latest word counts: what was not heard is said again, unless something else is.
        const mayPass = error instanceof RefusalError && isRetryable(error.refusal);
        if (mayPass && page.setting === setting) sayAfter(page, RETRY_MS.first);
      });
  }

  function sayAfter(page: Page, milliseconds: number): void {
    page.cancelSay ??= clock.after(milliseconds, () => {
      page.cancelSay = undefined;
      sayNow(page);
    });
  }

  const newPage = (connection: Connection, campaignId: string): Page => ({
    connection,
    campaignId,
    watches: 0,
    identity: undefined,
    stream: undefined,
    isIn: false,
    setting: undefined,
    saidAt: Number.NEGATIVE_INFINITY,
    cancelSay: undefined,
    attempts: 0,
    cancelRetry: undefined,
  });

  const pageOf = (connection: Connection, campaignId: string): Page => {
    const own = pages.get(connection) ?? new Map<string, Page>();
    pages.set(connection, own);
    const page = own.get(campaignId) ?? newPage(connection, campaignId);
    own.set(campaignId, page);
    return page;
  };

  const forget = (page: Page): void => {
    shut(page);
    page.cancelSay?.();
    const own = pages.get(page.connection);
    if (own?.get(page.campaignId) === page) own.delete(page.campaignId);
  };

  return {
    attend(connection, campaignId) {
      const page = pageOf(connection, campaignId);
      page.watches += 1;
      // The connection's new token is known to the forwarding once the turn of its call has ended.
      const stopIdentity = connection.onIdentity(() =>
        queueMicrotask(() => {
          if (page.watches === 0 || page.identity === connection.identity()) return;
          page.identity = connection.identity();
          page.attempts = 0;
          shut(page);
          open(page);
        }),
      );
      open(page);
      let hasLeft = false;
      return () => {
        if (hasLeft) return;
        hasLeft = true;
        stopIdentity();
        page.watches -= 1;
        if (page.watches === 0) forget(page);
      };
    },

    say(connection, campaignId, setting) {
      const page = pages.get(connection)?.get(campaignId);
      if (!page) return;
      page.setting = setting;
      sayAfter(page, Math.max(0, page.saidAt + SAY_INTERVAL_MS - clock.now()));
    },
  };
}
