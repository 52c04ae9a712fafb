import { systemClock, type Clock } from '../clock.ts';
import { storeWhileNeeded } from '../live/store-while-needed.ts';
import { writable } from '../observable-value.ts';
import type { CampaignClient, Readable } from '../types.ts';
import { accessOf, type AccessView } from './access.ts';

export interface AccessOptions {
  /** Default: the server's default campaign. */
  readonly campaignId?: string | undefined;
}

/** How long what was answered stays after the last subscriber has left, in milliseconds. */
const RELEASE_AFTER_MS = 2_000;
const UNKNOWN = accessOf(undefined);

/**
 * What this caller may do with a campaign, by role and by field, as a store. Asked again on every new link and with
 * every new token.
 *
 * @example
 * const access = campaignAccess(client, { campaignId: 'spring' });
 * access.subscribe(() => console.log(access.getSnapshot().mayWrite('scripts')));
 */
export function campaignAccess(
  client: CampaignClient,
  { campaignId }: AccessOptions = {},
  clock: Pick<Clock, 'after'> = systemClock,
): Readable<AccessView> {
  const campaign = client.campaign(campaignId);
  const shown = writable(UNKNOWN);
  let asked: string | undefined;
  let stop = () => {};

  function ask(): void {
    const { campaignId: id } = campaign.getSnapshot();
    asked = id;
    if (id === undefined) return;
    client.trpc.session.info.query({ campaignId: id }).then(
      (info) => asked === id && shown.set(accessOf(info)),
      // Without an answer it stays as it was; a new link asks again.
      () => undefined,
    );
  }

  return storeWhileNeeded(
    shown,
    {
      start() {
        ask();
        // The default campaign has its id once it is live.
        const stops = [client.onRenewed(ask), campaign.subscribe(() => asked ?? ask())];
        stop = () => stops.forEach((end) => end());
      },
      stop() {
        stop();
        asked = undefined;
        shown.set(UNKNOWN);
      },
    },
    clock,
    RELEASE_AFTER_MS,
  );
}
