import { connectSharedLog, createSharedLogStore } from '../support/shared-log.ts';
import { simulatedClock } from '../support/simulated-clock.ts';
import { describeOrderedLog } from './contract.ts';

describeOrderedLog('the model of the shared log', () => {
  const clock = simulatedClock();
  const store = createSharedLogStore();
  let instances = 0;
  const join = () => connectSharedLog(store, { clock, instance: `i${(instances += 1)}`, keepDurable: 2 });
  const log = join();
  return Promise.resolve({
    log,
    join: () => Promise.resolve(join()),
    delivered: () => clock.advance(1),
    stop: () => log.stop(),
  });
});
