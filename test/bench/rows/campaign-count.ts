import { atMost, type Row } from '../harness/row.ts';
import { fanOut, withTrial } from '../harness/trial.ts';

const BYTES = 180;
const RATE = 20;

/** Whether a delivery costs more because many other campaigns are in memory. */
export const campaignCount: Row = {
  name: 'campaign-count',
  rounds: { full: 5, quick: 1, verify: 1 },
  lines: [
    {
      name: 'campaign-count',
      title: 'CPU per delivery with 10,000 campaigns in memory, as a multiple of that with one',
      unit: '×',
      targets: [atMost(1.15)],
    },
  ],
  async measure(round) {
    const watchers = round.size({ full: 1_000, quick: 400, verify: 10 });
    const milliseconds = round.size({ full: 4_000, quick: 2_000, verify: 300 });
    const campaigns = round.size({ full: 10_000, quick: 10_000, verify: 50 });
    await withTrial('ours', async (trial) => {
      await trial.watch(watchers);
      await fanOut(trial, { rate: RATE, milliseconds, bytes: BYTES });
      const alone = await fanOut(trial, { rate: RATE, milliseconds, bytes: BYTES });
      await trial.server.campaigns(campaigns, BYTES);
      const among = await fanOut(trial, { rate: RATE, milliseconds, bytes: BYTES });
      round.record('campaign-count', 'ours', among.cpuPerDelivery / alone.cpuPerDelivery);
    });
  },
};
