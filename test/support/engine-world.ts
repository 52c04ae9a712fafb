import {
  createMemoryArchive,
  createMemoryStore,
  type MemoryArchiveOptions,
} from '../../server/archive/memory-archive.ts';
import type { EditCommand, MutationOptions } from '../../server/core/commands/command.ts';
import type { Receipt } from '../../server/core/stream/entry.ts';
import { RefusalError, type Refusal } from '../../server/core/errors.ts';
import type { JsonObject } from '../../server/core/json.ts';
import type { Identity } from '../../server/core/permissions.ts';
import { createManager, type Manager, type ManagerOptions } from '../../server/engine/manager.ts';
import type { ChangeCommand } from '../../server/core/commands/command.ts';
import type { Archive, OrderedLog } from '../../server/engine/ports.ts';
import type { Caller } from '../../server/engine/service.ts';
import { createMemoryLog } from '../../server/log/memory-log.ts';
import { simulatedClock, type SimulatedClock } from './simulated-clock.ts';

/** The engine on simulated time, over the parts that live in memory: nothing of it is a mock. */
export interface EngineWorld {
  clock: SimulatedClock;
  log: OrderedLog;
  archive: Archive;
  manager: Manager;
  /** Creates `summer`, or that campaign, as an admin. */
  create: (campaignId?: string, state?: JsonObject) => Promise<Receipt>;
  /** Asks for a command on `summer` as an admin; a dry run has no receipt. */
  change: (command: ChangeCommand, options?: Omit<MutationOptions, 'dryRun'>, campaignId?: string) => Promise<Receipt>;
  /** Sets the title of `summer`. */
  title: (title: string, options?: Omit<MutationOptions, 'dryRun'>) => Promise<Receipt>;
  state: (campaignId?: string) => Promise<JsonObject>;
}

export interface EngineWorldOptions extends Partial<Omit<ManagerOptions, 'log' | 'archive' | 'clock'>> {
  /** Puts something between the engine and its log. */
  aroundLog?: (log: OrderedLog, clock: SimulatedClock) => OrderedLog;
  /** Puts something between the engine and its archive. */
  aroundArchive?: (archive: Archive, clock: SimulatedClock) => Archive;
  memory?: MemoryArchiveOptions;
  clock?: SimulatedClock;
}

export const CAMPAIGN = 'summer';
export const FIRST_STATE: JsonObject = { slug: CAMPAIGN, title: 'Summer', owner_id: 'the owner', status: 'active' };

const identity = (id: string, grants: Identity['grants'], more: Partial<Identity> = {}): Identity => ({
  id,
  grants,
  ...more,
});

/** One caller of each kind. */
export const CALLERS = {
  viewer: { identity: identity('vera', { '*': 'viewer' }), correlationId: 'c-viewer' },
  editor: { identity: identity('ed', { '*': 'editor' }), correlationId: 'c-editor' },
  admin: { identity: identity('ada', { '*': 'admin' }), correlationId: 'c-admin' },
  anonymous: { identity: identity('anonymous', { '*': 'viewer' }, { anonymous: true }), correlationId: 'c-anonymous' },
  stranger: { identity: identity('stan', {}), correlationId: 'c-stranger' },
} satisfies Record<string, Caller>;

export function engineWorld({
  aroundLog,
  aroundArchive,
  memory,
  clock = simulatedClock(),
  ...options
}: EngineWorldOptions = {}): EngineWorld {
  const plainLog = createMemoryLog({ now: clock.now });
  const plainArchive = createMemoryArchive({ store: createMemoryStore(), ...memory });
  const log = aroundLog?.(plainLog, clock) ?? plainLog;
  const archive = aroundArchive?.(plainArchive, clock) ?? plainArchive;
  const manager = createManager({ log, archive, clock, ...options });

  const change: EngineWorld['change'] = async (command, given = {}, campaignId = CAMPAIGN) =>
    asReceipt(await clock.until(manager.mutate(CALLERS.admin, campaignId, command, given)));

  return {
    clock,
    log,
    archive,
    manager,
    change,
    create: async (campaignId = CAMPAIGN, state = { ...FIRST_STATE, slug: campaignId }) =>
      asReceipt(await clock.until(manager.create(CALLERS.admin, campaignId, state, {}))),
    title: (title, given) => change({ type: 'update', updates: { title } }, given),
    state: async (campaignId = CAMPAIGN) => toJson((await clock.until(manager.get(CALLERS.admin, campaignId))).state),
  };
}

export function setTitle(title: string): EditCommand & { type: 'update' } {
  return { type: 'update', updates: { title } };
}

/** What a mutation answers that was no dry run. */
export function asReceipt(answer: Awaited<ReturnType<Manager['mutate']>>): Receipt {
  if ('dryRun' in answer) throw new Error('this was a dry run');
  return answer;
}

/** The refusal that a call ends in; throws where it does not end in one. */
export async function refusal(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RefusalError) return error.refusal;
    throw error;
  }
  throw new Error('it was not refused');
}

/** A document as it travels. */
function toJson(state: object): JsonObject {
  return JSON.parse(JSON.stringify(state));
}
