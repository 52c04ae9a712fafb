import { setTimeout as pause } from 'node:timers/promises';
import type { SeededRandom } from '../support/seeded-random.ts';
import type { Fault, Reach } from './faults.ts';
import type { Journal } from './journal.ts';
import type { Recovery } from './recovery.ts';

export interface ScheduleOptions {
  reach: Reach;
  journal: Journal;
  faults: readonly Fault[];
  /** How long a fault lasts, and how long one whose length is its point; milliseconds. */
  hold: { short: number; long: number };
  /** Waits until the service works as before. */
  recovered: () => Promise<Recovery>;
  say: (text: string) => void;
}

/** What came of each kind of fault, or of several at once. */
export type Recoveries = Map<string, Recovery[]>;

/** Every fault once, in that order, so many at a time, with a calm after each group. */
export async function inTurn(
  order: readonly Fault[],
  atOnce: number,
  options: ScheduleOptions,
  recoveries: Recoveries,
): Promise<void> {
  for (let left = [...order]; left.length > 0;) {
    const group: Fault[] = [];
    for (const fault of left) if (group.length < atOnce && goesWith(fault, group)) group.push(fault);
    left = left.filter((fault) => !group.includes(fault));
    await episode(group, options, recoveries);
  }
}

/** Random faults that overlap, two or three at a time, until that time (of `performance.now`). */
export async function inMixes(until: number, options: ScheduleOptions, recoveries: Recoveries): Promise<void> {
  while (performance.now() < until) await episode(mix(options.faults, options.reach.random), options, recoveries);
}

function mix(faults: readonly Fault[], random: SeededRandom): Fault[] {
  const chosen: Fault[] = [];
  for (let left = random.int(2, 3); left > 0; left -= 1) {
    const free = faults.filter((fault) => goesWith(fault, chosen));
    if (free.length > 0) chosen.push(random.pick(free));
  }
  return chosen;
}

function goesWith({ wants }: Fault, others: readonly Fault[]): boolean {
  return others.every((other) => wants !== 'everything' && other.wants !== 'everything' && wants !== other.wants);
}

async function episode(faults: readonly Fault[], options: ScheduleOptions, recoveries: Recoveries): Promise<void> {
  const { random } = options.reach;
  const plans = faults.map((fault) => ({
    fault,
    delay: faults.length > 1 ? random.int(0, 1_000) : 0,
    share: 0.5 + random.next() / 2,
  }));
  const details = await Promise.all(plans.map(({ fault, delay, share }) => suffer(fault, delay, share, options)));
  const took = await options.recovered();
  const name = faults.length === 1 ? (faults[0]?.name ?? '') : 'several at once';
  recoveries.set(name, [...(recoveries.get(name) ?? []), took]);
  options.say(
    `${details.join('  +  ')}: campaigns ${Math.round(took.campaigns)} ms, clients ${Math.round(took.clients)} ms`,
  );
}

async function suffer(
  fault: Fault,
  delay: number,
  share: number,
  { reach, journal, hold }: ScheduleOptions,
): Promise<string> {
  await pause(delay);
  const { name, losesLog = false, lasts = 'short' } = fault;
  journal.fault(name, 'begins', '', losesLog);
  const { detail, heal } = await fault.inflict(reach);
  await pause(lasts === 'long' ? hold.long : hold.short * share);
  await heal();
  journal.fault(name, 'ends', detail, losesLog);
  return `${name} (${detail})`;
}
