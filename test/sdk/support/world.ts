import { afterEach, expect, vi } from 'vitest';
import {
  createCampaignClient,
  type Campaign,
  type CampaignClient,
  type CampaignClientOptions,
} from '../../../client-sdk/src/index.ts';
import type { CampaignServer } from '../../../server/index.ts';
import { openTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { WAIT } from '../../support/wait.ts';
import { startServer, type TestServerOptions } from './server.ts';

export { WAIT };

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Called after the test, the last one first. */
export function later(close: () => unknown): void {
  closing.push(close);
}

export async function server(options?: TestServerOptions): Promise<CampaignServer> {
  const started = await startServer(options);
  later(() => started.close());
  return started;
}

export async function proxyOf({ port }: { port: number }): Promise<TcpProxy> {
  const proxy = await openTcpProxy(port);
  later(() => proxy.close());
  return proxy;
}

export function client(url: string, options: Partial<CampaignClientOptions> = {}): CampaignClient {
  const made = createCampaignClient({ url, ...options });
  later(made.close);
  return made;
}

/** Subscribes, and waits for the first snapshot. */
export async function live(campaign: Campaign): Promise<void> {
  later(campaign.subscribe(() => undefined));
  await vi.waitFor(() => expect(campaign.getSnapshot().status).toBe('success'), WAIT);
}
