/*
 * A fleet: servers that clients reach by one address, so that one which is told to connect again may come to another.
 * A balancer spreads new connections; those that are there stay where they are, after a rolling restart on the servers
 * that were restarted first.
 */

/** What the servers of a fleet hold together. */
export interface FleetLoad {
  readonly members: number;
  /** Ws connections of clients, over all members. */
  readonly connections: number;
}

/** The connection of a relay that reports. */
export interface FleetReporter {
  readonly connection: object;
  /** Aborts when it closes: it is no member then. Over http it has closed already. */
  readonly closed: AbortSignal;
}

/** Counts of connections, by fleet and server. */
export interface FleetCounts {
  /**
   * Says how many connections a server has, which counts for some seconds.
   *
   * @param by the connection by which it says so, and which is one member: none where it is this server itself
   * @returns what all of its fleet have, itself included
   * @throws RefusalError `INVALID` where that connection was another member before, or another is this one now
   * @throws Error where that cannot be known now
   */
  report(fleet: string, member: string, connections: number, by?: FleetReporter): Promise<FleetLoad>;
}

/** Names of fleets, and of their members. */
export const FLEET_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

/** Connections above its share that a server keeps: a part of the share, and some. Counts are seconds old. */
const TOLERANCE = { part: 0.1, connections: 8 };

/**
 * How many of its connections a server has beyond its share, which is the mean; 0 while it is alone.
 *
 * @example beyondShare(200, { members: 2, connections: 300 }) // 27: its share is 150, and 15 and 8 are let be
 */
export function beyondShare(own: number, { members, connections }: FleetLoad): number {
  if (members < 2) return 0;
  const share = connections / members;
  return Math.max(0, Math.floor(own - share - share * TOLERANCE.part - TOLERANCE.connections));
}
