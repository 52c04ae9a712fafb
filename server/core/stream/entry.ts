import type { Command } from '../commands/command.ts';
import type { JsonObject } from '../json.ts';
import type { Role } from '../permissions.ts';
import type { Assignments } from '../targeting/evaluate.ts';
import type { Position } from './position.ts';
import type { Redaction } from './redaction.ts';

/** Actor of an entry. `role` is the role that it had for that campaign at that time. */
export interface Actor {
  id: string;
  role: Role;
}

/** The type of an entry: that of the command it came from. */
export type EntryType = Command['type'];

/**
 * Format of the entries that this version writes. It says which members a record has beside `change`, never what
 * `change` means: old formats stay readable for ever, and newer ones can be folded by servers that do not know them
 * (`log/README.md`).
 */
export const ENTRY_FORMAT = 1;

/**
 * Entry of the log: an accepted change. `change` is the effect: an RFC 7396 patch against the state at `version - 1`
 * (`{}` before version 1), so that every entry of every type is applied in the same way, whatever the server's version.
 * `at` is epoch milliseconds and never falls.
 */
export interface Entry {
  version: number;
  type: EntryType;
  change: JsonObject;
  actor: Actor;
  mutationId: string;
  correlationId: string;
  comment?: string;
  at: number;
  format: number;
  /** What was taken out of it since, by admins: the values are gone, and the version is what it was. */
  redacted?: readonly Redaction[];
}

/**
 * Entry as a restricted view shows it: `change` is the difference between the two projections, and empty where nothing
 * visible changed. Whoever sees the resolved document is shown every change of the targeting in this form, whoever made
 * it.
 */
export interface ViewEntry {
  version: number;
  /** Only what concerns every reader: that the campaign became read-only, or editable again. */
  type?: 'archive' | 'restore';
  change: JsonObject;
  /** What the viewer is told of the rules from this version on; only where that has changed. */
  assignments?: Assignments;
  at: number;
}

/** Durability of an accepted change: ordered and shown; committed in Postgres; or `none` where persistence is off. */
export type Durability = 'accepted' | 'durable' | 'none';

/** Receipt of a mutation. `changed: false` means that the state was so already, and that no entry was made. */
export interface Receipt {
  campaignId: string;
  position: Position;
  epoch: string;
  version: number;
  changed: boolean;
  durability: Durability;
  mutationId: string;
}
