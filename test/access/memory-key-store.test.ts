import { describe } from 'vitest';
import { createMemoryKeyStore } from '../../server/access/memory-key-store.ts';
import { accessKeyContract } from './contract.ts';

describe('API keys in memory', () => {
  const store = createMemoryKeyStore();
  accessKeyContract(() => store);
});
