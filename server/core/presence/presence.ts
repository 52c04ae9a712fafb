import { isPrefixOf, type LockPath } from '../locks/lock-path.ts';
import type { JsonObject } from '../json.ts';

/** Limits of presence, each with its unit. */
export const PRESENCE_LIMITS = {
  /** Bytes of a member's own data, as compact JSON. */
  dataBytes: 2 * 1024,
  /** Members that are told in full; of those beyond there is only a count. */
  members: 200,
  /** Bytes of what one instance says of one campaign. */
  stateBytes: 256 * 1024,
} as const;

/** A person who has a campaign open, in one page or several. */
export interface PresenceMember {
  readonly id: string;
  readonly name?: string;
  /** A CSS colour, the same everywhere for the same person. */
  readonly colour: string;
  /** Open pages. */
  readonly tabs: number;
  /** The path that the person is at, in the page where it moved last. */
  readonly focus?: LockPath;
  readonly data?: JsonObject;
  /** Epoch milliseconds, about. */
  readonly since: number;
}

/** Who is at a campaign: all of it first, then what changes. To who may not edit only counts are told. */
export type PresenceEvent =
  | {
      readonly type: 'all';
      readonly members: readonly PresenceMember[];
      /** Members beyond those. */
      readonly more: number;
      /** Streams of the campaign that are open, over all instances. */
      readonly viewers: number;
    }
  | {
      readonly type: 'changes';
      readonly changed: readonly PresenceMember[];
      /** Ids of those who left. */
      readonly removed: readonly string[];
      readonly more: number;
      readonly viewers: number;
    };

/** One page of a person, or what another instance knows of all its pages there. */
export interface PresenceEntry extends Omit<PresenceMember, 'colour'> {
  /** When it moved last, by the clock of its instance: the newest word of a person counts. */
  readonly movedAt: number;
}

/**
 * Who is at a campaign as a relay is told, which shows it to others by their own rights: what each source says, as a
 * text of {@link PresenceEntry}s. A source is one way by which pages are connected: to this instance, through one of
 * its relays, or to another instance.
 */
export interface RelayedPresence {
  readonly type: 'all' | 'changes';
  readonly said: readonly (readonly [source: string, text: string])[];
  /** Sources that say nothing any more. */
  readonly gone: readonly string[];
  /** Streams of the campaign that are open elsewhere than at that relay. */
  readonly viewers: number;
}

/** Folds the pages of each person into one member, by id. */
export function foldPresence(entries: Iterable<PresenceEntry>): Map<string, PresenceEntry> {
  const members = new Map<string, PresenceEntry>();
  for (const entry of entries) {
    const present = members.get(entry.id);
    if (!present) {
      members.set(entry.id, entry);
      continue;
    }
    const newest = entry.movedAt >= present.movedAt ? entry : present;
    const since = Math.min(entry.since, present.since);
    members.set(entry.id, { ...newest, tabs: entry.tabs + present.tabs, since });
  }
  return members;
}

/** The member as others are told of it. */
export function memberOf(told: PresenceEntry): PresenceMember {
  const { movedAt: _, ...entry } = told;
  return { ...entry, colour: colourOf(entry.id) };
}

/** A colour that follows from the id: FNV-1a, as a hue. */
export function colourOf(id: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index += 1) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193) >>> 0;
  return `hsl(${hash % 360} 65% 42%)`;
}

/** Whether somebody is at a field: at it, at something in it, or at what it stands in. */
export function isAt({ focus }: PresenceMember, path: LockPath): boolean {
  return focus !== undefined && (isPrefixOf(path, focus) || (focus.length > 0 && isPrefixOf(focus, path)));
}
