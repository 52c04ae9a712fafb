import type { EditCommand, TargetingCommand } from '../../server/core/commands/command.ts';
import type { JsonObject } from '../../server/core/json.ts';
import { seededRandom, type SeededRandom } from '../support/seeded-random.ts';
import type { Fault } from './faults.ts';

/**
 * One thing that happens. `wait`: milliseconds since the step before. Plain data, so that a plan can be printed, and
 * cut down.
 */
export type Step = { wait: number } & (
  | { kind: 'edit'; client: number; command: EditCommand }
  | { kind: 'direct'; client: number; call: DirectCall }
  | { kind: 'read'; client: number; call: 'at' | 'diff' | 'history' | 'list' }
  | { kind: 'disconnect' | 'forget'; client: number }
  /** A viewer becomes another one on its live connection; it reads by itself what it has been sent. */
  | { kind: 'become'; client: number; attributes: JsonObject }
  | { kind: 'look'; client: number }
  | { kind: 'stall'; client: number; milliseconds: number }
  | { kind: 'crash'; instance?: number; downtime: number }
  | { kind: 'restart'; instance?: number; graceMs: number; downtime: number }
  /** SIGSTOP, and SIGCONT so much later. */
  | { kind: 'pause'; instance: number; milliseconds: number }
  /** What the log publishes does not reach it. */
  | { kind: 'deaf'; instance: number; milliseconds: number }
  | { kind: 'log-away'; milliseconds: number }
  /**
   * All that the log holds is gone; its entries are, and the heads stay; it starts again with all it had; a replica
   * falls behind from here on, and is promoted.
   */
  | { kind: 'log-flush' | 'log-lose-entries' | 'log-restart' | 'log-replica' | 'log-promote' }
  | { kind: 'archive-away'; milliseconds: number }
  | { kind: 'archive-faults' | 'log-faults'; faults: Fault[] }
  | { kind: 'latency'; archive: number; log: number }
  /** A relay, as above; its link to upstream breaks, or is silent until that is noticed. */
  | { kind: 'relay-crash'; relay: number; downtime: number }
  | { kind: 'relay-pause'; relay: number; milliseconds: number }
  | { kind: 'relay-cut' | 'relay-silence'; relay: number }
  | { kind: 'idle' }
);

export type DirectCall =
  | { type: 'rule'; command: TargetingCommand }
  | { type: 'durable'; command: EditCommand }
  | { type: 'expected'; command: EditCommand }
  | { type: 'dry-run'; command: EditCommand }
  | { type: 'rollback' }
  | { type: 'archive' | 'restore' }
  | { type: 'whenDurable' };

export interface Plan {
  seed: number;
  /** Servers over one log; without it, one server with a log of its own. */
  instances?: number;
  /** Relays of these servers; the second is one of the first. */
  relays?: number;
  /** Whether viewers with attributes watch, beside the others. */
  viewers?: true;
  steps: readonly Step[];
}

/** Editors; after them come as many readers without a token. */
export const EDITORS = 4;
export const READERS = 1;
/** Viewers of a run with rules; they come last. */
export const VIEWERS = 4;
export const CAMPAIGNS = ['a', 'b'] as const;

const TITLES = ['one', 'two', 'three'];
const FEATURES = ['x', 'y', 'z'];

export function planFor(seed: number): Plan {
  const random = seededRandom(seed);
  const length = random.int(20, 70);
  // Some runs are calm, some are rough.
  const roughness = random.next();
  return { seed, steps: Array.from({ length }, () => drawStep(random, roughness, drawMishap)) };
}

/** A run of several servers over one log. */
export function clusterPlanFor(seed: number): Plan {
  const random = seededRandom(seed ^ 0xc105);
  const length = random.int(20, 60);
  const roughness = random.next();
  const instances = random.int(2, 3);
  const mishap = (own: SeededRandom, wait: number): Step =>
    own.chance(0.5) ? drawClusterMishap(own, wait, instances) : drawMishap(own, wait, instances);
  return { seed, instances, steps: Array.from({ length }, () => drawStep(random, roughness, mishap)) };
}

/** A run in which rules change too, and viewers with attributes watch. */
export function targetedPlanFor(seed: number): Plan {
  const base = seed % 3 === 0 ? clusterPlanFor(seed) : planFor(seed);
  const random = seededRandom(seed ^ 0x7a26);
  const steps = base.steps.flatMap((step) => (random.chance(0.5) ? [drawTargetedStep(random), step] : [step]));
  return { ...base, viewers: true, steps };
}

/** A run with relays before the servers, and a chain of two: clients come to whichever runs. */
export function relayedPlanFor(seed: number): Plan {
  const base = seed % 2 === 0 ? clusterPlanFor(seed) : planFor(seed);
  const random = seededRandom(seed ^ 0x2e1a);
  const relays = random.int(1, 2);
  const steps = base.steps.flatMap((step) =>
    random.chance(0.15) ? [drawRelayMishap(random, random.int(0, relays - 1)), step] : [step],
  );
  return { ...base, relays, steps };
}

function drawRelayMishap(random: SeededRandom, relay: number): Step {
  const wait = random.int(0, 60);
  switch (random.int(0, 4)) {
    case 0:
      return { wait, kind: 'relay-crash', relay, downtime: random.int(0, 2_000) };
    case 1:
      return { wait, kind: 'relay-pause', relay, milliseconds: random.int(50, 4_000) };
    case 2:
      return { wait, kind: 'relay-silence', relay };
    default:
      return { wait, kind: 'relay-cut', relay };
  }
}

/** Stands in all that no viewer may see: in rules, in segments, and beside commands that change them. */
export const SECRET = 'secret of the rules';

const COUNTRIES = ['NG', 'DE'];

export function drawAttributes(random: SeededRandom): JsonObject {
  return {
    ...(random.chance(0.8) && { id: `user-${random.int(0, 9)}` }),
    ...(random.chance(0.8) && { country: random.pick(COUNTRIES) }),
    ...(random.chance(0.6) && { device: `device-${random.int(0, 9)}` }),
  };
}

function drawTargetedStep(random: SeededRandom): Step {
  const wait = random.chance(0.3) ? 0 : random.int(0, 60);
  const viewer = EDITORS + READERS + random.int(0, VIEWERS - 1);
  switch (random.int(0, 9)) {
    case 0:
      return { wait, kind: 'become', client: viewer, attributes: drawAttributes(random) };
    case 1:
    case 2:
      return { wait, kind: 'look', client: viewer };
    case 3:
      return { wait, kind: random.pick(['disconnect', 'forget'] as const), client: viewer };
    case 4:
      return { wait, kind: 'stall', client: viewer, milliseconds: random.int(50, 1_000) };
    default:
      return {
        wait,
        kind: 'direct',
        client: random.int(0, EDITORS - 1),
        call: { type: 'rule', command: drawRule(random) },
      };
  }
}

function drawRule(random: SeededRandom): TargetingCommand {
  const key = random.pick(['p', 'q', 'r']);
  switch (random.int(0, 9)) {
    case 0:
      return { type: 'updateRule', key, rule: null };
    case 1:
      return { type: 'shipRule', key, winner: 'x' };
    case 2:
      return { type: 'updateGroup', key: 'g', group: { unit: 'id', description: SECRET } };
    case 3:
      return {
        type: 'updateHoldout',
        key: 'h',
        holdout: { unit: 'id', share: random.pick([0, 0.3]), description: SECRET },
      };
    case 4:
      return {
        type: 'updateSegment',
        key: 's',
        segment: { description: SECRET, when: { country: random.pick(COUNTRIES), secret: { $ne: SECRET } } },
      };
    default: {
      const arm = (name: string): JsonObject =>
        random.pick<JsonObject>([
          { theme: { colour: `${key} ${name}` } },
          { title: `${key} ${name}` },
          { about: { [random.pick(FEATURES)]: name } },
        ]);
      return {
        type: 'updateRule',
        key,
        rule: {
          order: random.int(0, 2),
          description: SECRET,
          status: random.pick(['running', 'running', 'running', 'paused', 'ended'] as const),
          unit: 'id',
          coverage: random.pick([0.2, 0.5, 1, 1]),
          arms: {
            x: { weight: random.int(1, 3), change: { merge: arm('x'), features: { add: ['x'] } } },
            ...(random.chance(0.5) && { y: { weight: 1, change: { merge: arm('y'), remove: [['about']] } } }),
          },
          ...(random.chance(0.4) && { when: { country: random.pick(COUNTRIES) } }),
          ...(random.chance(0.2) && { when: { $savedGroup: { id: 's' } } }),
          ...(random.chance(0.2) ? { group: 'g' } : random.chance(0.6) && { fallbackUnit: 'device' }),
        },
      };
    }
  }
}

function drawStep(random: SeededRandom, roughness: number, mishap: (random: SeededRandom, wait: number) => Step): Step {
  const wait = random.chance(0.3) ? 0 : random.int(0, 60);
  const client = random.int(0, EDITORS - 1);
  if (!random.chance(0.15 + 0.3 * roughness)) {
    const what = random.next();
    if (what < 0.75) return { wait, kind: 'edit', client, command: drawCommand(random) };
    if (what < 0.92) return { wait, kind: 'direct', client, call: drawCall(random) };
    return { wait, kind: 'read', client, call: random.pick(['at', 'diff', 'history', 'list'] as const) };
  }
  return mishap(random, wait);
}

function drawMishap(random: SeededRandom, wait: number, instances?: number): Step {
  const anyone = random.int(0, EDITORS + READERS - 1);
  const instance = instances === undefined ? {} : { instance: random.int(0, instances - 1) };
  switch (random.int(0, 12)) {
    case 0:
    case 1:
      return { wait, kind: 'disconnect', client: anyone };
    case 2:
      return { wait, kind: 'forget', client: anyone };
    case 3:
    case 12:
      return { wait, kind: 'stall', client: anyone, milliseconds: random.int(50, 1_000) };
    case 4:
    case 5:
      return { wait, kind: 'crash', ...instance, downtime: random.int(0, 200) };
    case 6:
      return {
        wait,
        kind: 'restart',
        ...instance,
        graceMs: random.pick([50, 1_000, 5_000]),
        downtime: random.int(0, 200),
      };
    case 7:
      return { wait, kind: 'archive-away', milliseconds: random.int(50, 1_500) };
    case 8:
      return { wait, kind: 'archive-faults', faults: drawFaults(random) };
    case 9:
      return { wait, kind: 'log-faults', faults: drawFaults(random) };
    case 10:
      return { wait, kind: 'latency', archive: random.pick([0, 5, 30, 200]), log: random.pick([0, 2, 20]) };
    default:
      return { wait, kind: 'idle' };
  }
}

function drawClusterMishap(random: SeededRandom, wait: number, instances: number): Step {
  const instance = random.int(0, instances - 1);
  switch (random.int(0, 9)) {
    case 0:
    case 1:
      return { wait, kind: 'pause', instance, milliseconds: random.int(50, 8_000) };
    case 2:
    case 3:
      return { wait, kind: 'deaf', instance, milliseconds: random.int(50, 2_000) };
    case 4:
      return { wait, kind: 'log-away', milliseconds: random.int(50, 2_000) };
    case 5:
      return { wait, kind: 'log-flush' };
    case 6:
      return { wait, kind: 'log-restart' };
    case 7:
      return { wait, kind: 'log-replica' };
    case 8:
      return { wait, kind: 'log-lose-entries' };
    default:
      return { wait, kind: 'log-promote' };
  }
}

function drawFaults(random: SeededRandom): Fault[] {
  return Array.from({ length: random.int(1, 4) }, () => random.pick(['refused', 'unheard'] as const));
}

function drawCommand(random: SeededRandom): EditCommand {
  const feature = random.pick(FEATURES);
  switch (random.int(0, 4)) {
    case 0:
      return { type: 'update', updates: { title: random.pick(TITLES) } };
    case 1:
      return { type: 'updateFeatures', features: [feature], action: random.pick(['add', 'remove'] as const) };
    case 2:
      return {
        type: 'update',
        updates: { about: random.chance(0.3) ? null : { [feature]: random.int(0, 9) }, owner_id: random.pick(TITLES) },
      };
    case 3:
      // Refused: a document has a title.
      return random.chance(0.3)
        ? { type: 'update', updates: { title: null } }
        : { type: 'update', updates: { status: random.pick(['draft', 'active'] as const) } };
    default:
      return {
        type: 'batch',
        commands: [
          { type: 'updateConfig', section: 'theme', value: { colour: random.pick(TITLES) } },
          { type: 'updateFeatures', features: [feature], action: 'add' },
        ],
      };
  }
}

function drawCall(random: SeededRandom): DirectCall {
  const command = drawCommand(random);
  const type = random.pick([
    'durable',
    'durable',
    'expected',
    'expected',
    'dry-run',
    'rollback',
    'archive',
    'restore',
    'restore',
    'whenDurable',
  ] as const);
  return type === 'durable' || type === 'expected' || type === 'dry-run' ? { type, command } : { type };
}
