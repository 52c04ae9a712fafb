import type { Cursor } from '../../core/stream/cursor.ts';
import type { Clock } from '../ports.ts';
import type { ResumableEvent, RoomMember } from '../service.ts';
import { BACKPRESSURE_HIGH_WATER_BYTES, BACKPRESSURE_POLL_MS, BACKPRESSURE_TIMEOUT_MS } from './backpressure.ts';
import type { Subscriber } from './subscriber.ts';

/** Someone to whom events are pushed: by which cursor, and how. One whose `send` throws is ended. */
export interface Member {
  readonly subscriber: Subscriber;
  readonly to: Pick<RoomMember, 'send' | 'end'>;
}

/**
 * Where a member is: with the others at the head, on its own way there, or behind a congested socket since that time.
 */
type Place = 'together' | 'alone' | { slowSince: number };

export interface Rooms {
  /** Its first event; the others are sent to it. Throws a refusal where it may not read. */
  enter(member: Member): ResumableEvent;
  leave(member: Member): void;
  /** Something changed: whoever is here is sent it at the end of this turn of the event loop. */
  notify(): void;
  /** The rights of this member are others now. */
  recheck(member: Member): void;
  readonly size: number;
}

export interface RoomsOptions {
  clock: Clock;
  /** Events went to so many readers. */
  onDelivered(event: ResumableEvent, readers: number): void;
}

/** The members of one (view, receipts) that stand at the same place. */
interface Room {
  cursor: Cursor;
  members: Set<Member>;
}

/**
 * The members of one campaign, in rooms by what they see. Those at a room's head are moved together: one of them takes
 * the next event with its own rights and cursor, everyone else is written the same. Who joins, is slow, or has other
 * rights by now goes alone, by its own cursor, until it stands at the head again; the rules are the same as for a
 * subscription of its own, because the cursor is.
 */
export function createRooms({ clock, onDelivered }: RoomsOptions): Rooms {
  const places = new Map<Member, Place>();
  const rooms = new Map<string, Room>();
  /** Members on their own way. */
  const alone = new Set<Member>();
  let scheduled = false;
  let polling = false;

  const keyOf = ({ subscriber }: Member): string => `${subscriber.receipts ? 'r' : ''} ${subscriber.viewKey}`;
  const isCongested = ({ subscriber }: Member): boolean =>
    subscriber.reader.bufferedBytes() > BACKPRESSURE_HIGH_WATER_BYTES;

  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    clock.turn(flush);
  };

  const remove = (member: Member): void => {
    const place = places.get(member);
    places.delete(member);
    alone.delete(member);
    if (place !== 'together') return;
    const key = keyOf(member);
    const room = rooms.get(key);
    room?.members.delete(member);
    if (room?.members.size === 0) rooms.delete(key);
  };

  const end = (member: Member, error: unknown): void => {
    if (!places.has(member)) return;
    remove(member);
    member.subscriber.close();
    member.to.end(error);
  };

  const goAlone = (member: Member, place: Place): void => {
    remove(member);
    places.set(member, place);
    alone.add(member);
  };

  /** At the head: from here on it is moved with the others. Whoever is first makes the room. */
  const joinRoom = (member: Member): void => {
    const key = keyOf(member);
    const room = rooms.get(key) ?? { cursor: member.subscriber.cursor, members: new Set() };
    rooms.set(key, room);
    room.members.add(member);
    alone.delete(member);
    places.set(member, 'together');
  };

  const becomeSlow = (member: Member): void => {
    member.subscriber.lag();
    goAlone(member, { slowSince: clock.now() });
    pollSlow();
  };

  /** Sends a member what it lacks, by its own cursor, and lets it join the others where it lacks nothing more. */
  const catchUp = (member: Member): void => {
    try {
      for (;;) {
        if (isCongested(member)) {
          becomeSlow(member);
          return;
        }
        const event = member.subscriber.take();
        if (!event) break;
        member.to.send(event);
        onDelivered(event, 1);
      }
      joinRoom(member);
    } catch (error) {
      end(member, error);
    }
  };

  /** What one of them throws is its own end, and nobody else's. */
  const sent = (member: Member, event: ResumableEvent): boolean => {
    try {
      member.to.send(event);
      return true;
    } catch (error) {
      end(member, error);
      return false;
    }
  };

  /**
   * Moves a room to the head: one member takes each event, with its own rights and by the room's cursor, and all are
   * sent it.
   */
  const moveRoom = (room: Room): void => {
    for (;;) {
      const [first] = room.members;
      if (!first) return;
      const before = room.cursor;
      let event: ResumableEvent | undefined;
      first.subscriber.cursor = before;
      try {
        event = first.subscriber.take();
      } catch (error) {
        // Rights ended that all of the room may share, or may not: everyone is asked by itself.
        end(first, error);
        for (const member of room.members) {
          member.subscriber.cursor = before;
          goAlone(member, 'alone');
        }
        schedule();
        return;
      }
      room.cursor = first.subscriber.cursor;
      if (!event) return;
      let readers = 0;
      for (const member of room.members) {
        if (isCongested(member)) {
          member.subscriber.cursor = before;
          becomeSlow(member);
        } else if (sent(member, event)) {
          readers += 1;
        }
      }
      onDelivered(event, readers);
    }
  };

  const flush = (): void => {
    scheduled = false;
    // Rooms first: whoever catches up then finds them at the head.
    for (const room of rooms.values()) moveRoom(room);
    for (const member of alone) {
      const place = places.get(member);
      if (place === 'alone') catchUp(member);
    }
  };

  const pollSlow = (): void => {
    if (polling) return;
    polling = true;
    clock.after(BACKPRESSURE_POLL_MS, () => {
      polling = false;
      for (const member of alone) {
        const place = places.get(member);
        if (typeof place !== 'object') continue;
        if (!isCongested(member)) {
          places.set(member, 'alone');
          schedule();
        } else if (clock.now() - place.slowSince >= BACKPRESSURE_TIMEOUT_MS) {
          member.subscriber.reader.disconnect();
          end(member, undefined);
        } else {
          pollSlow();
        }
      }
    });
  };

  return {
    enter(member) {
      const event = member.subscriber.take();
      // A cursor that joins is always given something: a snapshot, or the entries since then, be there none.
      if (!event) throw new Error('a subscriber that joins was given nothing');
      places.set(member, 'alone');
      alone.add(member);
      onDelivered(event, 1);
      schedule();
      return event;
    },

    leave(member) {
      remove(member);
    },

    notify() {
      if (places.size > 0) schedule();
    },

    recheck(member) {
      if (!places.has(member)) return;
      const room = rooms.get(keyOf(member));
      const place = places.get(member);
      if (place === 'together' && room) member.subscriber.cursor = room.cursor;
      if (typeof place !== 'object') goAlone(member, 'alone');
      schedule();
    },

    get size() {
      return places.size;
    },
  };
}
