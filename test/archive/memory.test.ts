import { createMemoryArchive, createMemoryStore } from '../../server/archive/index.ts';
import { archiveContract } from './contract.ts';

archiveContract('memory', () => {
  const store = createMemoryStore();
  return Promise.resolve({
    shared: true,
    open: ({ soleUser }) => Promise.resolve(createMemoryArchive({ store, soleUser })),
    dispose: () => Promise.resolve(),
  });
});
