import { expect, test } from 'vitest';
import { proofAfter, type CampaignImage, type ReplicaEvent } from '../../server/core/stream/replica.ts';
import { createReplicas } from '../../server/relay/replicas.ts';
import type { UpstreamLink, UpstreamSubscriber } from '../../server/relay/upstream-link.ts';
import { simulatedClock } from '../support/simulated-clock.ts';

/** Streams that are opened at once. */
const PLACES = 8;

function imageOf(): CampaignImage {
  return {
    type: 'image',
    epoch: 'e',
    version: 0,
    durableVersion: 0,
    state: { title: 'A campaign' },
    updatedAt: 0,
    updatedBy: 'ada',
    lineage: [],
    former: [],
    recent: [],
  };
}

/** A link on which streams are opened, and answered by the test alone. */
function fakeLink() {
  const opened: { readonly campaignId: string; readonly subscriber: UpstreamSubscriber }[] = [];
  const link: UpstreamLink = {
    isUp: true,
    generation: 1,
    refusal: () => undefined,
    // Heads.
    query: async () => [],
    tell: async () => undefined,
    subscribe(_path, input, subscriber) {
      const { campaignId } = input as { campaignId: string };
      opened.push({ campaignId, subscriber });
      return () => undefined;
    },
    distrust: () => undefined,
    stop: () => undefined,
  };
  return { link, opened };
}

function say({ onData }: UpstreamSubscriber, event: ReplicaEvent): void {
  const proof = proofAfter('', event);
  onData({ proof, event }, 100);
}

test('Q41 streams that say nothing when they are resumed make room for the others, and are asked for again', async () => {
  const clock = simulatedClock();
  const { link, opened } = fakeLink();
  const distrusted = new Set<string>();
  const replicas = createReplicas({
    link,
    clock,
    stored: async () => undefined,
    onDistrust: (campaignId) => distrusted.add(campaignId),
  });
  const ids = Array.from({ length: PLACES + 1 }, (_, index) => `campaign-${index}`);
  for (const id of ids) {
    const loading = replicas.load(id);
    await clock.settle();
    const stream = opened.find(({ campaignId }) => campaignId === id);
    if (stream) say(stream.subscriber, imageOf());
    await loading;
    replicas.follow(id, () => undefined);
  }
  opened.length = 0;
  replicas.onUp();
  await clock.settle();
  expect(opened.map(({ campaignId }) => campaignId)).toEqual(ids.slice(0, PLACES));
  await clock.advance(25_000);
  expect([...distrusted]).toEqual(ids);
  for (const id of ids) expect(opened.map(({ campaignId }) => campaignId)).toContain(id);
  expect(opened.filter(({ campaignId }) => campaignId === ids[0]).length).toBeGreaterThan(1);
  replicas.stop();
});
