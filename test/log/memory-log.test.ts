import { createMemoryLog } from '../../server/log/memory-log.ts';
import { describeOrderedLog } from './contract.ts';

for (const keepDurable of [0, 2]) {
  describeOrderedLog(`the memory log that keeps ${keepDurable}`, async () => {
    const log = createMemoryLog({ keepDurable });
    return { log, delivered: () => Promise.resolve(), stop: () => log.stop() };
  });
}
