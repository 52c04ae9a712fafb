import { createCampaignClient } from '@campaign-state/client';
import type { CampaignClient, CampaignClientOptions } from '@campaign-state/client';

const TOKEN = 'campaign-state-token';

/** A client of the server that this page came from, under the token kept for this tab, where there is one. */
export function connect(options: Partial<CampaignClientOptions> = {}): CampaignClient {
  return createCampaignClient({ url: location.origin, token: keptToken, ...options });
}

/** The token kept for this tab. */
export function keptToken(): string | undefined {
  return sessionStorage.getItem(TOKEN) ?? undefined;
}

/** Keeps a token for this tab and starts again with it: every client of the page needs it. */
export function keepToken(token: string): void {
  sessionStorage.setItem(TOKEN, token);
  location.reload();
}
