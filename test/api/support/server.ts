import { SignJWT } from 'jose';
import { afterEach } from 'vitest';
import type { RELAY, Role } from '../../../server/core/permissions.ts';
import { createCampaignServer, createLogger, createMemoryArchive } from '../../../server/index.ts';
import type { CampaignServer, CampaignServerOptions } from '../../../server/index.ts';

/** The secret of every server here that asks for tokens. */
export const SECRET = 'a secret of the tests, and of nothing else';
export const CAMPAIGN = 'spring';

const cleanups: (() => unknown)[] = [];

/** What a test has opened is closed when it ends, the newest first. */
export function cleanUp(close: () => unknown): void {
  cleanups.push(close);
}

afterEach(async () => {
  for (const close of cleanups.splice(0).reverse()) await close();
});

/** The real server on a free port: `spring`, the default campaign, is published, `secret` is a draft. */
export async function startServer(options: CampaignServerOptions = {}): Promise<CampaignServer> {
  const server = await createCampaignServer({
    port: 0,
    logger: createLogger('silent'),
    archive: createMemoryArchive(),
    rateLimit: 0,
    // The whole suite passes with both: `CAMPAIGN_CALLS=trpc npx vitest run --project api`.
    calls: process.env['CAMPAIGN_CALLS'] === 'trpc' ? 'trpc' : 'direct',
    campaigns: [
      {
        campaignId: CAMPAIGN,
        state: { slug: CAMPAIGN, title: 'Spring', status: 'active', features: ['referral'], owner_id: 'ada' },
      },
      { campaignId: 'secret', state: { slug: 'secret', title: 'Secret', status: 'draft' } },
    ],
    ...options,
  });
  cleanUp(() => server.close());
  return server;
}

/** A server that wants tokens. */
export function startGuarded(options: CampaignServerOptions = {}): Promise<CampaignServer> {
  return startServer({ auth: { kind: 'secret', secret: SECRET }, ...options });
}

/** A token for those campaigns. */
export function tokenFor(
  campaigns: Record<string, Role | typeof RELAY>,
  { sub = 'ada', seconds = 600, secret = SECRET, analytics = false } = {},
): Promise<string> {
  return new SignJWT({ campaigns, ...(analytics && { analytics }) })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setExpirationTime(Math.floor(Date.now() / 1_000) + seconds)
    .sign(new TextEncoder().encode(secret));
}

/** Polls until the condition holds; the test's own time limit is the bound. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
