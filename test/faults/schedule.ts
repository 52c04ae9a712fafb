import { setTimeout as pause } from 'node:timers/promises';
import type { Fault, Reach } from './faults.ts';
import type { Journal } from './journal.ts';
import type { SeededRandom } from '../support/seeded-random.ts';

export interface ScheduleOptions {
  reach: Reach;
  journal: Journal;
  faults: readonly Fault[];
  /** How long a fault lasts, and how long one whose length is its point; milliseconds. */
  hold: { short: number; long: number };
  /** Waits until the service works as before; says how long that took, in milliseconds. */
  recovered(): Promise<number>;
  say(text: string): void;
}

/** How long after its end each kind of fault was over for everyone. */
export type RecoveryTimes = Map<string, number[]>;

/** Every fault once, in that order or another, with a calm after each. */
export async function inTurn(order: readonly Fault[], options: ScheduleOptions, times: RecoveryTimes): Promise<void> {
  for (const fault of order) await episode([fault], options, times);
}

/** Random faults that overlap, two or three at a time, until the time is over. */
export async function inMixes(milliseconds: number, options: ScheduleOptions, times: RecoveryTimes): Promise<void> {
  const until = performance.now() + milliseconds;
  while (performance.now() < until) await episode(mix(options.faults, options.reach.random), options, times);
}

function mix(faults: readonly Fault[], random: SeededRandom): Fault[] {
  const chosen: Fault[] = [];
  for (let left = random.int(2, 3); left > 0; left -= 1) {
    const free = faults.filter(({ wants }) => chosen.every((other) => wants !== 'everything' && other.wants !== 'everything' && wants !== other.wants));
    if (free.length > 0) chosen.push(random.pick(free));
  }
  return chosen;
}

async function episode(faults: readonly Fault[], options: ScheduleOptions, times: RecoveryTimes): Promise<void> {
  const { random } = options.reach;
  const plans = faults.map((fault) => ({ fault, delay: faults.length > 1 ? random.int(0, 1_000) : 0, share: 0.5 + random.next() / 2 }));
  const details = await Promise.all(plans.map(({ fault, delay, share }) => suffer(fault, delay, share, options)));
  const took = await options.recovered();
  const name = faults.length === 1 ? (faults[0]?.name ?? '') : 'a mix';
  times.set(name, [...(times.get(name) ?? []), took]);
  options.say(`${details.join('  +  ')}: over after ${(took / 1_000).toFixed(1)} s`);
}

async function suffer(fault: Fault, delay: number, share: number, { reach, journal, hold }: ScheduleOptions): Promise<string> {
  await pause(delay);
  const { name, losesLog = false, lasts = 'short' } = fault;
  journal.fault(name, 'begins', '', losesLog);
  const { detail, heal } = await fault.inflict(reach);
  await pause(lasts === 'long' ? hold.long : hold.short * share);
  await heal();
  journal.fault(name, 'ends', detail, losesLog);
  return `${name} (${detail})`;
}
