import { describe } from 'vitest';
import { createMemoryKeyStore } from '../../server/access/memory-key-store.ts';
import { accessKeyContract } from './contract.ts';

describe('API keys in memory', () => {
  const campaigns = new Set<string>();
  const store = createMemoryKeyStore((campaignId) => campaigns.has(campaignId));
  accessKeyContract(
    () => store,
    async () => {
      const campaignId = `campaign-${campaigns.size}`;
      campaigns.add(campaignId);
      return campaignId;
    },
  );
});
