import type { Clock } from '../clock.ts';
import type { Connection } from '../link/connection.ts';
import { callUntilAnswered } from '../link/direct-call.ts';
import { positionOf } from '../sync/mirror.ts';
import type { PendingEdits } from '../sync/pending-edits.ts';
import type { Campaign } from '../types.ts';
import { bounded, type WaitOptions } from '../within.ts';
import type { Editor } from './editor.ts';

export interface RequestsOptions {
  readonly campaignId: string;
  readonly connection: Connection;
  readonly clock: Clock;
  readonly edits: PendingEdits;
  readonly editor: Editor;
}

/**
 * The functions of a campaign that are calls of their own, because the client cannot know their effect. What carries
 * them out is loaded when the first is made.
 */
export function createRequests(options: RequestsOptions): Pick<Campaign, 'rollback' | 'whenDurable' | 'lock'> {
  const { connection, clock, edits } = options;

  function position() {
    const mirror = edits.mirror();
    return mirror && positionOf(mirror);
  }

  function request<T>(
    call: (calls: typeof import('./server-calls.ts'), ended: AbortSignal) => Promise<T>,
    wait: WaitOptions,
  ): Promise<T> {
    return bounded(
      async (ended) =>
        call(await callUntilAnswered(connection, clock, () => import('./server-calls.ts'), ended), ended),
      wait,
      clock,
      () => connection.state.getSnapshot().error,
    );
  }

  return {
    lock: (path, given = {}) => request((calls, ended) => calls.lock(options, path, given, ended), given),
    rollback(toVersion, given = {}) {
      edits.releaseHeld();
      const base = position();
      return request((calls, ended) => calls.rollback(options, toVersion, base, given, ended), given);
    },
    whenDurable(given, wait = {}) {
      const wanted = given ?? position();
      return request((calls, ended) => calls.whenDurable(options, wanted, ended), wait);
    },
  };
}
