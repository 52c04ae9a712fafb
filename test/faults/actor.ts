import type { SeededRandom } from '../support/seeded-random.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import type { Journal } from './journal.ts';

/** A client that writes and watches, and keeps a journal of it. */
export interface Actor {
  readonly name: string;
  /** Its own wire to whichever instance it gets when it connects. */
  readonly link: TcpProxy;
  /** Begins nothing new, and resolves once everything that it has begun is answered, and all of its own is saved. */
  settle(): Promise<void>;
  /** Writes into the journal what it shows in the end, where that does not follow from what it was sent. */
  conclude(): void;
  /** Where it stands in a campaign that it watches. */
  position(campaignId: string): string | undefined;
  readonly watched: readonly string[];
  close(): Promise<void>;
}

export interface ActorOptions {
  name: string;
  link: TcpProxy;
  journal: Journal;
  random: SeededRandom;
  /** Campaigns that it writes to. */
  campaigns: readonly string[];
  /** Those of them that it watches as well. */
  watched: readonly string[];
  /** Mean time between two of its mutations, in milliseconds. */
  pace: number;
}
