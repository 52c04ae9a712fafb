import type { ContestantName } from './contestants.ts';
import type { Services } from './services.ts';

/** How much is measured: `verify` only proves that every system does what it is measured for. */
export type Mode = 'full' | 'quick' | 'verify';

/** A peer that is measured in the row itself, not as a system behind a socket. */
export type Peer =
  | ContestantName
  | 'bare-insert'
  | 'at-the-start'
  | 'undisturbed'
  | 'pg_dump'
  | 'one-process'
  | 'the-origin';

/** What a figure must reach: as a multiple of a peer's in the same round, or by itself. */
export interface Target {
  of: Peer | 'itself';
  is: 'at most' | 'at least';
  limit: number;
}

/** One figure of the table. */
export interface Line {
  name: string;
  /** For people, as a noun. */
  title: string;
  unit: string;
  /** None: the figure informs. */
  targets: readonly Target[];
}

/** One measurement of everything that a row compares. */
export interface Round {
  /** From 0. */
  index: number;
  services: Services;
  /** The size for this mode. */
  size<T>(sizes: Readonly<Record<Mode, T>>): T;
  record(line: string, of: Peer, value: number): void;
  /** Tells people something about this run that they should know. */
  say(sentence: string): void;
}

/** A part of the benchmark that can be run by itself. */
export interface Row {
  name: string;
  lines: readonly Line[];
  /** Fewer rounds than were asked for, where each takes minutes or hardly varies. */
  rounds?: Readonly<Record<Mode, number>>;
  /** Measures every contestant once; throws where one of them did not do what it is measured for. */
  measure(round: Round): Promise<void>;
}

/** Another order in each round, so that no contestant always comes first. */
export function inTurn<T>(contestants: readonly T[], { index }: Pick<Round, 'index'>): T[] {
  const start = index % contestants.length;
  return [...contestants.slice(start), ...contestants.slice(0, start)];
}

export const atMost = (limit: number, of: Target['of'] = 'itself'): Target => ({ of, is: 'at most', limit });
export const atLeast = (limit: number, of: Target['of'] = 'itself'): Target => ({ of, is: 'at least', limit });
