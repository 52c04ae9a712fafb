import type { CampaignClient } from '../../../client-sdk/src/index.ts';

interface Observer {
  readonly onData: (event: object) => void;
  readonly onError: (error: Error) => void;
}

/** The lists of a server that refuses some of its pages, named by what they begin with, until it is allowed. */
export function refusingPages(refused: readonly (string | number)[]) {
  const opened: (string | number)[] = [];
  const observers = new Map<string | number, Observer>();
  let isAllowed = false;
  const campaign = {
    watchList: {
      subscribe({ offset, cursor = '' }: { offset?: number; cursor?: string }, observer: Observer) {
        const begin = offset ?? cursor;
        opened.push(begin);
        observers.set(begin, observer);
        if (!isAllowed && refused.includes(begin))
          observer.onError(Object.assign(new Error('no'), { data: { code: 'FORBIDDEN', reason: 'FORBIDDEN' } }));
        return { unsubscribe: () => undefined };
      },
    },
  };
  return {
    // Of the procedures, lists ask for this one.
    trpc: { campaign } as unknown as CampaignClient['trpc'],
    /** What was asked for, in order. */
    opened,
    /** Refuses nothing that is asked for from now on. */
    allow: () => void (isAllowed = true),
    /** Answers a page with one campaign, named after it. */
    answer(begin: string | number, nextCursor?: string) {
      const campaigns = [{ campaignId: `c${begin}`, title: 'C', version: 1, updatedAt: 0 }];
      observers
        .get(begin)
        ?.onData({ type: 'page', campaigns, total: 100, ...(nextCursor !== undefined && { nextCursor }) });
    },
  };
}
