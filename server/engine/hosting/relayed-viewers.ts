/** The viewers that campaigns have at the relays of this server, as those say. */
export interface RelayedViewers {
  /** Of a campaign, at all of them. */
  of(campaignId: string): number;
  /** Of a campaign, at one of them. */
  at(relay: object, campaignId: string): number;
  /**
   * Sets what one of them says of some campaigns. What it said of others stays.
   *
   * @param left aborts when it disconnects: it has no viewers then
   */
  set(relay: object, counts: Iterable<RelayedCount>, left: AbortSignal | undefined): void;
  /** Sets who is told that they have changed. */
  onChange(listener: (campaignId: string) => void): void;
}

/** What a relay says of a campaign: the streams that are open there, or at relays behind it. */
export interface RelayedCount {
  readonly campaignId: string;
  readonly viewers: number;
}

/** Campaigns of which one relay may say something at a time. */
const MAX_CAMPAIGNS = 100_000;

export function createRelayedViewers(): RelayedViewers {
  const said = new Map<object, Map<string, number>>();
  const sums = new Map<string, number>();
  let onChange: (campaignId: string) => void = () => undefined;

  const change = (counts: Map<string, number>, campaignId: string, viewers: number): void => {
    const before = counts.get(campaignId) ?? 0;
    if (viewers === before || (before === 0 && counts.size >= MAX_CAMPAIGNS)) return;
    if (viewers > 0) counts.set(campaignId, viewers);
    else counts.delete(campaignId);
    const sum = (sums.get(campaignId) ?? 0) + viewers - before;
    if (sum > 0) sums.set(campaignId, sum);
    else sums.delete(campaignId);
    onChange(campaignId);
  };

  const forget = (relay: object): void => {
    const counts = said.get(relay);
    said.delete(relay);
    for (const campaignId of counts?.keys() ?? []) if (counts) change(counts, campaignId, 0);
  };

  return {
    of: (campaignId) => sums.get(campaignId) ?? 0,
    at: (relay, campaignId) => said.get(relay)?.get(campaignId) ?? 0,
    set(relay, told, left) {
      if (left?.aborted === true) return;
      const known = said.get(relay);
      const counts = known ?? new Map<string, number>();
      if (!known) {
        said.set(relay, counts);
        left?.addEventListener('abort', () => forget(relay), { once: true });
      }
      for (const { campaignId, viewers } of told) change(counts, campaignId, viewers);
    },
    onChange(listener) {
      onChange = listener;
    },
  };
}
