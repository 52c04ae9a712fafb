import { createMemoryArchive, createMemoryStore, type MemoryStore } from '../../../server/archive/memory-archive.ts';
import type { ChangeCommand } from '../../../server/core/commands/command.ts';
import type { RuleInput } from '../../../server/core/document/targeting-fields.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import type { Identity } from '../../../server/core/permissions.ts';
import type { KeyedArchive } from '../../../server/archive/keyed-archive.ts';
import { createGrowthBookEngine } from '../../../server/targeting/growthbook-engine.ts';
import { CALLERS, CAMPAIGN, engineWorld, type EngineWorld } from '../../support/engine-world.ts';
import { testReader, watch as watchBy, type Watching, type Way } from '../../support/watching.ts';

export const ARMS: RuleInput['arms'] = {
  now: { weight: 1, change: { merge: { description: 'the price now' } } },
  lower: { weight: 1, change: { merge: { description: 'a lower price' } } },
};

export const price = (given: Partial<RuleInput> = {}): ChangeCommand => ({
  type: 'updateRule',
  key: 'price',
  rule: { order: 1, status: 'running', unit: 'userId', fallbackUnit: 'deviceId', coverage: 1, arms: ARMS, ...given },
});

export const SEED = `${CAMPAIGN}/price/1`;
export const { bucketOf } = createGrowthBookEngine();
export const armOf = (unit: string): string => (bucketOf(SEED, unit, 2) < 5_000 ? 'lower' : 'now');

/** The first name with that arm by its own bucket. */
export function named(prefix: string, arm: string, skip = 0): string {
  const names = Array.from({ length: 1_000 }, (_, index) => `${prefix}${index}`);
  return names.filter((name) => armOf(name) === arm)[skip] ?? '';
}

export const USER = named('user', 'now');
export const DEVICE = named('device', 'lower');
export const OTHER_DEVICE = named('device', 'now');
export const HOUR = 60 * 60_000;
export const ANONYMOUS = { deviceId: DEVICE };
export const LOGGED_IN = { deviceId: DEVICE, userId: USER };
export const ELSEWHERE = { userId: USER };

export interface Held extends EngineWorld {
  readonly store: MemoryStore;
  readonly archive: KeyedArchive;
}

/** An engine with a store of places; `store`: the disk of one that was there before. */
export async function world(
  given: { store?: MemoryStore; around?: (archive: KeyedArchive) => KeyedArchive; keepUnitsMs?: number } = {},
): Promise<Held> {
  const store = given.store ?? createMemoryStore();
  const plain = createMemoryArchive({ store });
  const archive = given.around?.(plain) ?? plain;
  const made = engineWorld({
    aroundArchive: () => archive,
    analytics: { store: archive, key: 'k', ...(given.keepUnitsMs !== undefined && { keepUnitsMs: given.keepUnitsMs }) },
  });
  if (!given.store) {
    await made.create();
    await made.change(price());
  }
  return { ...made, store, archive };
}

/** A viewer whose token says who it is; of its device it speaks for itself. */
export function signed({ userId }: JsonObject): Identity {
  return { ...CALLERS.viewer.identity, ...(userId !== undefined && { attributes: { userId } }) };
}

export async function seen({ manager, clock }: EngineWorld, attributes: JsonObject, identity = signed(attributes)) {
  const caller = { ...CALLERS.viewer, identity, viewer: { attributes } };
  const { assignments } = await clock.until(manager.get(caller, CAMPAIGN));
  await clock.settle();
  return assignments?.['price'];
}

export const explained = async (
  { manager, clock }: EngineWorld,
  attributes: JsonObject,
  position?: `${string}:${number}`,
) => {
  const { rules, assignments } = await clock.until(manager.explain(CALLERS.editor, CAMPAIGN, { attributes }, position));
  return { ...rules.find(({ rule }) => rule === 'price'), told: assignments['price'] };
};

export const watch = (
  { manager }: EngineWorld,
  way: Way,
  attributes: JsonObject,
  reader = testReader(signed(attributes)),
): Watching => watchBy(manager, { viewer: { attributes } }, reader, way);
