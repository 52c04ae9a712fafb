import { editorOn, thinEditorOn } from '../harness/editors.ts';
import { watchersWithin } from '../harness/open-files.ts';
import { atLeast, atMost, type Round, type Row } from '../harness/row.ts';
import { BrokenRun, fanOut, withTrial } from '../harness/trial.ts';

const MEMBERS = 200;
const MOVES_PER_SECOND = 10;
const BYTES = 180;
/** How often deliveries are measured with and without somebody who watches who is there, in turn. */
const TURNS = 5;
const FIELDS = ['title', 'description', 'features', 'theme', 'scripts', 'views', 'tags', 'about'];

/** What presence costs: everybody on the move, and those who only watch the campaign. */
export const presence: Row = {
  name: 'presence',
  rounds: { full: 5, quick: 1, verify: 1 },
  lines: [
    {
      name: 'presence-members',
      title: `CPU of ${MEMBERS} members who move ${MOVES_PER_SECOND} times a second and see each other, in cores`,
      unit: 'cores',
      targets: [atMost(0.2)],
    },
    {
      name: 'presence-told',
      title: 'what each of them is told of the moves of the others',
      unit: '1/s',
      targets: [atLeast(MOVES_PER_SECOND * 0.8)],
    },
    {
      name: 'presence-viewers-cpu',
      title: 'CPU per delivery to silent viewers while presence is watched, as a multiple of that without',
      unit: '×',
      targets: [atMost(1.05)],
    },
    {
      name: 'presence-viewers-heap',
      title: 'heap with 10,000 silent viewers while presence is watched, as a multiple of that without',
      unit: '×',
      targets: [atMost(1.02)],
    },
  ],
  async measure(round) {
    await measureMembers(round);
    await measureViewers(round);
  },
};

async function measureMembers(round: Round): Promise<void> {
  const count = round.size({ full: MEMBERS, quick: MEMBERS, verify: 4 });
  const milliseconds = round.size({ full: 10_000, quick: 4_000, verify: 400 });
  await withTrial('ours', async ({ server }) => {
    const members = await Promise.all(Array.from({ length: count }, (_none, index) => enter(server.port, index)));
    const timers: NodeJS.Timeout[] = [];
    // Spread over the interval, as people are.
    for (const [index, { move }] of members.entries())
      timers.push(
        setTimeout(
          () => timers.push(setInterval(move, 1_000 / MOVES_PER_SECOND)),
          (index * 1_000) / MOVES_PER_SECOND / count,
        ),
      );
    // A first while without a measurement: code is compiled, and everybody has been told everybody.
    await wait(milliseconds);
    const events = (): number => members.reduce((sum, member) => sum + member.events(), 0);
    const [before, startedAt, eventsBefore] = [await server.usage('nothing'), performance.now(), events()];
    await wait(milliseconds);
    const { cpu } = await server.usage('nothing');
    const seconds = (performance.now() - startedAt) / 1_000;
    const told = events() - eventsBefore;
    for (const timer of timers) clearInterval(timer);
    for (const { seen, socket } of members) {
      socket.terminate();
      if (seen() < count) throw new BrokenRun(`ours: a member has seen ${seen()} of ${count}`);
    }
    round.record('presence-members', 'ours', (cpu - before.cpu) / 1_000_000 / seconds);
    round.record('presence-told', 'ours', told / count / seconds);
  });
}

/** A member that moves when it is told to, and counts whom it has been told of. */
async function enter(port: number, index: number) {
  const known = new Set<string>();
  let events = 0;
  const begun = Promise.withResolvers<void>();
  const { socket, send } = await thinEditorOn(port, `member ${index}`, (text) => {
    begun.resolve();
    if (text.includes('"type":"changes"')) events += 1;
    // Only while there is somebody to find: this process' own cost is nobody's.
    if (known.size < MEMBERS) for (const [, member] of text.matchAll(/"id":"(member \d+)"/g)) known.add(member ?? '');
  });
  send('subscription', 'presence.watch', { campaignId: 'bench' });
  await begun.promise;
  let moves = index;
  return {
    socket,
    seen: () => known.size,
    events: () => events,
    move: () =>
      send('mutation', 'presence.set', { campaignId: 'bench', focus: [FIELDS[(moves += 1) % FIELDS.length] ?? ''] }),
  };
}

async function measureViewers(round: Round): Promise<void> {
  const wanted = round.size({ full: 10_000, quick: 2_000, verify: 16 });
  const viewers = watchersWithin(round, 'presence', wanted);
  const milliseconds = round.size({ full: 4_000, quick: 2_000, verify: 200 });
  await withTrial('ours', async (trial) => {
    const { server } = trial;
    await trial.watch(viewers);
    const rate = Math.max(2, 20_000 / viewers);
    const perDelivery = async (): Promise<number> =>
      (await fanOut(trial, { rate: Math.min(100, rate), milliseconds, bytes: BYTES })).cpuPerDelivery;
    await perDelivery();
    const [without, watched]: [number[], number[]] = [[], []];
    const heaps: [number, number] = [0, 0];
    for (let turn = 0; turn < TURNS; turn += 1) {
      without.push(await perDelivery());
      heaps[0] = (await server.usage('everything')).heap;
      const { client, close } = editorOn(server.port, 'ed');
      const told = Promise.withResolvers<number>();
      client.presence.watch.subscribe(
        { campaignId: 'bench' },
        { onData: (event) => event.type === 'all' && told.resolve(event.viewers), onError: told.reject },
      );
      if ((await told.promise) < viewers) throw new BrokenRun('ours: viewers are missing in the count');
      watched.push(await perDelivery());
      heaps[1] = (await server.usage('everything')).heap;
      await close();
    }
    round.record('presence-viewers-cpu', 'ours', middle(watched) / middle(without));
    round.record('presence-viewers-heap', 'ours', heaps[1] / heaps[0]);
  });
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
