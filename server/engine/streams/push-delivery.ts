import type { Cursor } from '../../core/stream/cursor.ts';
import type { Clock } from '../ports.ts';
import type { PushTarget, ResumableEvent } from '../service.ts';
import { isBackpressured, type DrainPoll } from './backpressure.ts';
import type { Subscriber } from './subscriber.ts';

/** A subscriber together with the target that its events are pushed to. A target whose `send` throws is ended. */
export interface PushMember {
  readonly subscriber: Subscriber;
  readonly target: Pick<PushTarget, 'send' | 'end'>;
}

/** Delivery of one campaign's events by pushing them to everyone who watches it. */
export interface PushDelivery {
  /**
   * Adds a member.
   *
   * @returns its first event, which the caller writes; all later ones go to its target
   * @throws RefusalError where it may not read the campaign
   */
  join(member: PushMember): ResumableEvent;
  /** Removes a member; its target is not called again. */
  leave(member: PushMember): void;
  /** Schedules delivery of what has changed for the end of this turn of the event loop. */
  notify(): void;
  /** Schedules a check of one member whose rights have changed. */
  recheck(member: PushMember): void;
  readonly size: number;
}

export interface PushDeliveryOptions {
  clock: Clock;
  drainPoll: DrainPoll;
  /** An event has been sent to that many readers. */
  onDelivered(event: ResumableEvent, readers: number): void;
  /** A member has left, or was ended. */
  onLeft?(member: PushMember): void;
  /** Evaluations of rules since the start. Default: there are none. */
  evaluations?(): number;
}

/**
 * Evaluations of rules in one turn of the event loop, and milliseconds after which a turn that has made any ends: an
 * edit of the rules concerns everybody who watches, and nobody else shall wait for all of them.
 */
const EVALUATIONS_PER_TURN = 64;
const TURN_MS = 8;

/** The state of a member. The group is the state of all that are live in it, so that a live member costs no object. */
type MemberState = LiveGroup | typeof CATCHING_UP | Backpressured;

/** Members that see the same (view, receipts) and stand at the same cursor: one event is made for all of them. */
interface LiveGroup {
  readonly state: 'live';
  readonly key: string;
  readonly members: Set<PushMember>;
  cursor: Cursor;
}

/** The member is sent what it lacks by its own cursor, at the next flush. */
const CATCHING_UP = { state: 'catching-up' } as const;

/** The member's socket is congested; nothing is sent to it until it has drained. */
interface Backpressured {
  readonly state: 'backpressured';
  cancelWait(): void;
}

/**
 * Creates the push delivery of one campaign: a shared-cursor fan-out, in which each member is in one of three states.
 *
 * - **live**: at the head, in a group with all that see the same. A flush *forwards* the group: one member takes the
 *   next event by the group's cursor and with its own rights, and the same object goes to every target, which can
 *   therefore encode it once.
 * - **catching-up**: has just joined, has other rights, comes back from backpressure, or the rules have changed, so
 *   that the group is divided. A flush sends it what it lacks by its own cursor, until that is nothing; then it joins
 *   the group of those who see the same. Where that takes evaluations of rules, few catch up in one turn of the event
 *   loop.
 * - **backpressured**: its socket is congested (`backpressure.ts`). It keeps the cursor of the last event that it was
 *   sent, and catches up once the socket has drained.
 *
 * Invariant: between two flushes a group's cursor is the cursor of each of its members; a member that leaves the group
 * takes a copy along. So each member is sent exactly what it would be sent by a cursor of its own
 * (`core/stream/cursor.ts`): every version once, in order, or a snapshot (G1). A flush forwards the groups before it
 * lets others catch up, so that these find the groups at the head.
 *
 * Rejected: a queue for each member, whose memory grows with every slow reader (G10) and which must be purged when
 * rights change; and a cursor for each member without groups, which is the same algorithm and costs a step, an event
 * and an encoding for each reader.
 */
export function createPushDelivery(options: PushDeliveryOptions): PushDelivery {
  const { clock, drainPoll, onDelivered, onLeft, evaluations = () => 0 } = options;
  const states = new Map<PushMember, MemberState>();
  const groups = new Map<string, LiveGroup>();
  const catchingUp = new Set<PushMember>();
  /** Groups whose members go on by themselves, and have not all been looked at; nobody joins them any more. */
  const divided = new Set<LiveGroup>();
  let scheduled = false;
  /** Whether there may be something that groups lack: else a join would look at each of a thousand of them. */
  let isChanged = false;

  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    clock.turn(flush);
  };

  /** Takes a member out of the state that it is in. */
  const leaveState = (member: PushMember): void => {
    const current = states.get(member);
    if (!current) return;
    states.delete(member);
    switch (current.state) {
      case 'live':
        current.members.delete(member);
        if (current.members.size > 0) return;
        divided.delete(current);
        if (groups.get(current.key) === current) groups.delete(current.key);
        return;
      case 'catching-up':
        catchingUp.delete(member);
        return;
      case 'backpressured':
        current.cancelWait();
    }
  };

  const becomeCatchingUp = (member: PushMember): void => {
    leaveState(member);
    states.set(member, CATCHING_UP);
    catchingUp.add(member);
  };

  const becomeBackpressured = (member: PushMember): void => {
    member.subscriber.markLagging();
    leaveState(member);
    const cancelWait = drainPoll.wait({
      reader: member.subscriber.reader,
      onDrained() {
        becomeCatchingUp(member);
        schedule();
      },
      onDisconnected: () => end(member, undefined),
    });
    states.set(member, { state: 'backpressured', cancelWait });
  };

  const becomeLive = (member: PushMember): void => {
    leaveState(member);
    const { subscriber } = member;
    const key = `${subscriber.receipts ? 'r' : ''} ${subscriber.groupKey}`;
    const group = groups.get(key) ?? { state: 'live', key, members: new Set(), cursor: subscriber.cursor };
    groups.set(key, group);
    group.members.add(member);
    states.set(member, group);
  };

  const end = (member: PushMember, error: unknown): void => {
    if (!states.has(member)) return;
    leaveState(member);
    member.subscriber.close();
    onLeft?.(member);
    member.target.end(error);
  };

  /** Sends a member what it lacks by its own cursor, and moves it to the group once that is nothing. */
  const catchUp = (member: PushMember): void => {
    try {
      for (;;) {
        if (isBackpressured(member.subscriber.reader)) {
          becomeBackpressured(member);
          return;
        }
        const event = member.subscriber.nextEvent();
        if (!event) break;
        member.target.send(event);
        onDelivered(event, 1);
      }
      becomeLive(member);
    } catch (error) {
      end(member, error);
    }
  };

  /** Sends to one member of a group; an error ends that member alone. */
  const sendTo = (member: PushMember, event: ResumableEvent): boolean => {
    try {
      member.target.send(event);
      return true;
    } catch (error) {
      end(member, error);
      return false;
    }
  };

  /** Lets each member of a group go on by itself, from where the group stands. */
  const divide = (group: LiveGroup): void => {
    groups.delete(group.key);
    divided.add(group);
    schedule();
  };

  /** Forwards a group to the head: each event is taken by one member, and sent to all. */
  const forward = (group: LiveGroup): void => {
    for (;;) {
      const [first] = group.members;
      if (!first) return;
      const before = group.cursor;
      let event: ResumableEvent | undefined;
      first.subscriber.cursor = before;
      // From here on each has an outcome of its own, and finds the group of those who have the same.
      if (first.subscriber.isNextItsOwn()) {
        divide(group);
        return;
      }
      try {
        event = first.subscriber.nextEvent();
      } catch (error) {
        // The right to read has ended for one member, and perhaps for others: each is checked by itself.
        end(first, error);
        divide(group);
        return;
      }
      group.cursor = first.subscriber.cursor;
      if (!event) return;
      let readers = 0;
      for (const member of group.members) {
        if (isBackpressured(member.subscriber.reader)) {
          member.subscriber.cursor = before;
          becomeBackpressured(member);
        } else if (sendTo(member, event)) {
          readers += 1;
        }
      }
      onDelivered(event, readers);
    }
  };

  const flush = (): void => {
    scheduled = false;
    if (isChanged) {
      isChanged = false;
      for (const group of groups.values()) forward(group);
    }
    const evaluated = evaluations();
    const startedAt = clock.now();
    const isOver = (): boolean => {
      const made = evaluations() - evaluated;
      return made >= EVALUATIONS_PER_TURN || (made > 0 && clock.now() - startedAt >= TURN_MS);
    };
    for (const member of catchingUp) {
      catchUp(member);
      if (isOver() && catchingUp.size + divided.size > 0) return schedule();
    }
    for (const group of divided) {
      for (const member of group.members) {
        member.subscriber.cursor = group.cursor;
        catchUp(member);
        if (isOver() && divided.size > 0) return schedule();
      }
    }
  };

  return {
    join(member) {
      const event = member.subscriber.nextEvent();
      // A joining cursor always yields an event: a snapshot, or the entries since its resume id, even if there are
      // none.
      if (!event) throw new Error('a subscriber that joins must be given an event');
      becomeCatchingUp(member);
      onDelivered(event, 1);
      schedule();
      return event;
    },

    leave(member) {
      leaveState(member);
      onLeft?.(member);
    },

    notify() {
      if (states.size === 0) return;
      isChanged = true;
      schedule();
    },

    recheck(member) {
      const current = states.get(member);
      if (!current) return;
      if (current.state === 'live') {
        member.subscriber.cursor = current.cursor;
        becomeCatchingUp(member);
      }
      schedule();
    },

    get size() {
      return states.size;
    },
  };
}
