/** What a request asks of a campaign's flags. */
export type OfrepTarget =
  | { readonly kind: 'bulk'; readonly campaignId: string }
  | { readonly kind: 'single'; readonly campaignId: string; readonly key: string }
  | { readonly kind: 'events'; readonly campaignId: string };

const PATH = /^\/campaigns\/([^/]+)\/ofrep\/v1\/(?:evaluate\/flags(?:\/(.+))?|(events))$/;

/** Reads the path of a request, still encoded; `undefined` where it is none of OFREP's. */
export function ofrepTargetOf(path: string): OfrepTarget | undefined {
  const [, campaign, key, events] = PATH.exec(path) ?? [];
  if (campaign === undefined) return undefined;
  // It has been read once already, so that it can be decoded.
  const campaignId = decodeURIComponent(campaign);
  if (events !== undefined) return { kind: 'events', campaignId };
  return key === undefined
    ? { kind: 'bulk', campaignId }
    : { kind: 'single', campaignId, key: decodeURIComponent(key) };
}

/** The path at which a campaign's flags say that they have changed. */
export function eventsPath(campaignId: string): string {
  return `/campaigns/${encodeURIComponent(campaignId)}/ofrep/v1/events`;
}
