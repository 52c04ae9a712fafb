import { createCampaignClient } from '@campaign-state/client';
import type { CampaignClient, CampaignClientOptions } from '@campaign-state/client';
import { readStored, writeStored } from './storage.ts';

const TOKEN = 'campaign-state-token';

let tokenOfPage: string | undefined;

/** A client of the server that this page came from, under the token kept for this tab, where there is one. */
export function connect(options: Partial<CampaignClientOptions> = {}): CampaignClient {
  return createCampaignClient({ url: location.origin, token: keptToken, ...options });
}

/** The token kept for this tab. */
export function keptToken(): string | undefined {
  tokenOfPage ??= readStored(TOKEN, 'tab') ?? tokenIn(history.state);
  return tokenOfPage;
}

/** Keeps a token for this tab and starts again with it: every client of the page needs it. */
export function keepToken(token: string): void {
  // Where the browser forbids storage, the tab's history brings it over this one start.
  if (!writeStored(TOKEN, token, 'tab')) history.replaceState({ [TOKEN]: token }, '');
  location.reload();
}

function tokenIn(state: unknown): string | undefined {
  if (typeof state !== 'object' || state === null || !(TOKEN in state)) return undefined;
  return typeof state[TOKEN] === 'string' ? state[TOKEN] : undefined;
}
