import { editorOn, thinEditorOn } from '../harness/editors.ts';
import { atMost, inTurn, type Round, type Row } from '../harness/row.ts';
import { BrokenRun, fanOut, withTrial } from '../harness/trial.ts';

const ENTRY_BYTES = 4_096;
const SNAPSHOT_BYTES = 64 * 1024;
const WORDS =
  'save the date our summer campaign starts in one week with offers for all who sign up early and bring a friend';

/** Events that are compressed once for all who are sent them, beside the same ones as they are. */
export const compression: Row = {
  name: 'compression',
  lines: [
    {
      name: 'compression-entry-bytes',
      title: 'bytes on the wire of an entry of 4 KB, compressed, as a multiple of plain',
      unit: '×',
      targets: [atMost(0.35)],
    },
    {
      name: 'compression-snapshot-bytes',
      title: 'bytes on the wire of a snapshot of 64 KB, compressed, as a multiple of plain',
      unit: '×',
      targets: [atMost(0.35)],
    },
    {
      name: 'compression-cpu',
      title: 'CPU per delivery, 4 KB, to 1,000 whose clients take compression',
      unit: 'µs',
      targets: [atMost(1.15, 'ours-plain')],
    },
  ],
  async measure(round) {
    await measureBytes(round);
    const watchers = round.size({ full: 1_000, quick: 1_000, verify: 20 });
    const milliseconds = round.size({ full: 4_000, quick: 2_000, verify: 250 });
    // Few enough that the clients, which inflate on the same machine, are not what is measured.
    const rate = 5;
    for (const name of inTurn(['ours-plain', 'ours-compressed'] as const, round)) {
      await withTrial(name, async (trial) => {
        await trial.watch(watchers);
        await fanOut(trial, { rate, milliseconds: milliseconds / 2, bytes: 4_000 });
        const { cpuPerDelivery } = await fanOut(trial, { rate, milliseconds, bytes: 4_000 });
        round.record('compression-cpu', name === 'ours-plain' ? name : 'ours', cpuPerDelivery);
      });
    }
  },
};

async function measureBytes(round: Round): Promise<void> {
  await withTrial('ours', async ({ server }) => {
    const { client, close } = editorOn(server.port, 'ed');
    const write = (note: string) =>
      client.campaign.update.mutate({ campaignId: 'bench', updates: { about: { note } } });
    await write(proseOf(SNAPSHOT_BYTES, 1));
    const bytes = await Promise.all([false, true].map((isCompressed) => openReader(server.port, isCompressed)));
    await Promise.all(bytes.map((reader) => reader.has('"snapshot"')));
    const [plain, compressed] = bytes.map((reader) => reader.taken());
    await write(proseOf(ENTRY_BYTES, 2));
    await Promise.all(bytes.map((reader) => reader.has('"entries"')));
    const [plainEntry, compressedEntry] = bytes.map((reader) => reader.taken());
    for (const { end } of bytes) end();
    await close();
    const [snapshot, entry] = [(compressed ?? 0) / (plain ?? 0), (compressedEntry ?? 0) / (plainEntry ?? 0)];
    if ((plain ?? 0) < SNAPSHOT_BYTES || (plainEntry ?? 0) < ENTRY_BYTES)
      throw new BrokenRun('ours: bytes are missing');
    round.record('compression-snapshot-bytes', 'ours', snapshot);
    round.record('compression-entry-bytes', 'ours', entry);
  });
}

/** A reader of the campaign, and how many bytes of the wire it has taken since it was asked last. */
async function openReader(port: number, isCompressed: boolean) {
  let text = '';
  let wake = (): void => undefined;
  const { socket, send } = await thinEditorOn(
    port,
    'reader',
    (frame) => {
      text += frame;
      wake();
    },
    isCompressed,
  );
  let before = 0;
  const taken = (): number => {
    const stream: unknown = Reflect.get(socket, '_socket');
    const { bytesRead = 0 } = stream as { bytesRead?: number };
    const since = bytesRead - before;
    before = bytesRead;
    text = '';
    return since;
  };
  taken();
  send('subscription', 'campaign.watch', { campaignId: 'bench' });
  return {
    taken,
    async has(part: string): Promise<void> {
      while (!text.includes(part)) await new Promise<void>((resolve) => (wake = resolve));
    },
    end: () => socket.terminate(),
  };
}

/** Text as people write it: words in an order of their own, which repeat as words do and no longer. */
function proseOf(bytes: number, seed: number): string {
  const words = WORDS.split(' ');
  let text = '';
  for (let state = seed; text.length < bytes;) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    text += `${words[(state >>> 16) % words.length]}${(state >>> 8) % 7 === 0 ? `, ${state % 1_000}` : ''} `;
  }
  return text.slice(0, bytes);
}
