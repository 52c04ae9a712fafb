import type { LockPath } from '../../core/locks/lock-path.ts';
import { memberOf, PRESENCE_LIMITS, type PresenceEvent, type PresenceMember } from '../../core/presence/presence.ts';
import type { Present } from './presence-room.ts';

/** Who may be told what: one object for all readers of the same kind. */
export interface PresenceAudience {
  /** Whether it is told who is there, or only how many. */
  readonly isEditor: boolean;
  mayRead(path: LockPath): boolean;
}

/** Who is at a campaign as one audience sees it. */
export interface PresencePicture {
  readonly members: ReadonlyMap<string, PresenceMember>;
  /** Members beyond those. */
  readonly more: number;
  readonly viewers: number;
}

/*
 * Everybody who looks at a room is told the same, ten times a second, so that what they are told is made once for all
 * of them: the picture for each audience, and the change from one picture to the next. Events are the same objects too,
 * which are encoded once (`api/procedures/subscriptions/frames.ts`).
 */

const pictures = new WeakMap<Present, Map<PresenceAudience, PresencePicture>>();
const changes = new WeakMap<PresencePicture, WeakMap<PresencePicture, PresenceEvent | typeof NOTHING>>();
const wholes = new WeakMap<PresencePicture, PresenceEvent>();
const NOTHING = Symbol('nothing has changed');

/** The picture of a room for an audience: the same object for as long as the room is the same. */
export function pictureOf(present: Present, audience: PresenceAudience): PresencePicture {
  const ofRoom = pictures.get(present) ?? new Map<PresenceAudience, PresencePicture>();
  pictures.set(present, ofRoom);
  const known = ofRoom.get(audience);
  if (known) return known;
  const members = audience.isEditor ? visibleTo(present, audience) : new Map<string, PresenceMember>();
  const picture = { members, more: present.members.size - members.size, viewers: present.viewers };
  ofRoom.set(audience, picture);
  return picture;
}

/** All of a picture, for who has been told nothing yet. */
export function wholeOf(picture: PresencePicture): PresenceEvent {
  const known = wholes.get(picture);
  if (known) return known;
  const { members, more, viewers } = picture;
  const event: PresenceEvent = { type: 'all', members: [...members.values()], more, viewers };
  wholes.set(picture, event);
  return event;
}

/** What has changed from one picture to another; `undefined` where nothing has. */
export function changeOf(before: PresencePicture, after: PresencePicture): PresenceEvent | undefined {
  if (before === after) return undefined;
  const ofBefore = changes.get(before) ?? new WeakMap<PresencePicture, PresenceEvent | typeof NOTHING>();
  changes.set(before, ofBefore);
  const known = ofBefore.get(after) ?? compare(before, after) ?? NOTHING;
  ofBefore.set(after, known);
  return known === NOTHING ? undefined : known;
}

function compare(before: PresencePicture, { members, more, viewers }: PresencePicture): PresenceEvent | undefined {
  const changed = [...members.values()].filter((member) => before.members.get(member.id) !== member);
  const removed = [...before.members.keys()].filter((id) => !members.has(id));
  const areCountsSame = more === before.more && viewers === before.viewers;
  if (changed.length === 0 && removed.length === 0 && areCountsSame) return undefined;
  return { type: 'changes', changed, removed, more, viewers };
}

/** Members as others are told of them: the same objects for as long as they are the same. */
const told = new WeakMap<object, PresenceMember>();

function visibleTo({ members }: Present, { mayRead }: PresenceAudience): Map<string, PresenceMember> {
  const visible = new Map<string, PresenceMember>();
  for (const entry of members.values()) {
    if (visible.size >= PRESENCE_LIMITS.members) break;
    const known = told.get(entry) ?? memberOf(entry);
    told.set(entry, known);
    visible.set(entry.id, known.focus && !mayRead(known.focus) ? hidden(known) : known);
  }
  return visible;
}

const withoutFocus = new WeakMap<PresenceMember, PresenceMember>();

/** A member whose place its reader may not know, nor what it says of it. */
function hidden(member: PresenceMember): PresenceMember {
  const known = withoutFocus.get(member);
  if (known) return known;
  const { focus: _, data: __, ...rest } = member;
  withoutFocus.set(member, rest);
  return rest;
}
