/*
 * The link to a preview has its key behind the #: no server is sent it, neither in a request's line nor as the address
 * that one came from.
 */

const FRAGMENT = '#preview=';
const KEY = /^csk_[\w-]*/;

/** The address at which whoever has it sees a campaign's page. */
export function previewLink(campaignId: string, key: string): string {
  return `${location.origin}/audience.html?campaign=${campaignId}#preview=${key}`;
}

/**
 * The key of the preview that this page's address is the link to; `undefined`: it is none. What messengers put behind a
 * link is left out; where nothing is left of the key, it is one that opens nothing.
 */
export function previewKey(): string | undefined {
  if (!location.hash.startsWith(FRAGMENT)) return undefined;
  return KEY.exec(location.hash.slice(FRAGMENT.length))?.[0] ?? 'csk_';
}
