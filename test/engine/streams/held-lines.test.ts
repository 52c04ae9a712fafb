import { expect, it } from 'vitest';
import type { HeldLine } from '../../../server/core/targeting/held-place-store.ts';
import { lineKey } from '../../../server/core/targeting/held-places.ts';
import { createHeldLines } from '../../../server/engine/campaign/held-lines.ts';

const lineOf = (rule: string) => lineKey('rule', rule, { hashVersion: 2, unit: 'userId', seed: rule });
const [PRICE, COLOUR, SIZE] = [lineOf('price'), lineOf('colour'), lineOf('size')];

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

function asking() {
  let now = 0;
  const asked: { readonly answer: (...lines: string[]) => Promise<unknown>; readonly fail: () => Promise<unknown> }[] =
    [];
  const lines = createHeldLines(
    (campaignIds = []) =>
      new Promise<HeldLine[]>((resolve, reject) => {
        asked.push({
          answer(...names) {
            resolve(
              campaignIds.flatMap((campaignId) => names.map((line) => ({ campaignId, line, endedAt: undefined }))),
            );
            return turn();
          },
          fail() {
            reject(new Error('the database is away'));
            return turn();
          },
        });
      }),
    { now: () => now },
  );
  /** Somebody joins in each of ten turns. */
  const storm = async () => {
    const joins = [];
    for (let joined = 0; joined < 10; joined += 1) {
      joins.push(lines.known('spring') ?? lines.of('spring'));
      await turn();
    }
    return { joins };
  };
  const known = () => [...(lines.known('spring')?.keys() ?? [])];
  return { asked, lines, storm, known, pass: (milliseconds: number) => (now += milliseconds) };
}

it('T402 while the lines of a campaign are asked for nobody asks again, however many join; what is old answers meanwhile', async () => {
  const { asked, lines, storm, known, pass } = asking();
  const { joins: first } = await storm();
  expect(asked).toHaveLength(1);
  await asked[0]?.answer(PRICE);
  for (const join of first) expect([...(await join).keys()]).toEqual([PRICE]);

  pass(60_000);
  for (const join of (await storm()).joins) expect(join).not.toBeInstanceOf(Promise);
  expect(asked).toHaveLength(2);
  // Where the answer does not come the old one stays, and is asked for again after a second.
  await asked[1]?.fail();
  await storm();
  expect([asked.length, known()]).toEqual([2, [PRICE]]);
  pass(1_000);
  await storm();
  expect(asked).toHaveLength(3);
  lines.add('spring', COLOUR);
  await asked[2]?.answer(PRICE, SIZE);
  expect(known()).toEqual([PRICE, SIZE, COLOUR]);

  // What was forgotten does not come back with an answer of before, and what is very old is waited for.
  pass(60_000);
  await storm();
  lines.forget('spring');
  await asked[3]?.answer(PRICE);
  expect(lines.known('spring')).toBeUndefined();
  const anew = lines.of('spring');
  await turn();
  await asked[4]?.answer(SIZE);
  expect([...(await anew).keys()]).toEqual([SIZE]);
  pass(600_000);
  expect(lines.known('spring')).toBeUndefined();
});
