import { withMember } from '../../server/core/document/document-tree.ts';
import type { LogEvent } from '../../server/engine/ports.ts';
import type { Identity } from '../../server/core/permissions.ts';
import type { Caller, Reader } from '../../server/engine/service.ts';
import { clusterPlanFor, planFor, targetedPlanFor, type Plan } from './plan.ts';
import type { Mutant } from './world.ts';

/** The run of that seed in which a mutant can show. */
export function mutantPlan({ cluster, targeting }: Mutant, seed: number): Plan {
  if (targeting) return targetedPlanFor(seed);
  return cluster ? clusterPlanFor(seed) : planFor(seed);
}

/**
 * Every rule here is broken on purpose, from outside of the engine, and each must be found: a checker that finds
 * nothing proves nothing.
 */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'skip dedupe: a retry counts as a new mutation',
    sabotage: {
      manager(manager) {
        let calls = 0;
        const anew = (mutationId: string): string => `${mutationId}~${(calls += 1)}`;
        return {
          ...manager,
          push: (caller, campaignId, mutations) =>
            manager.push(
              caller,
              campaignId,
              mutations.map((mutation) => ({ ...mutation, mutationId: anew(mutation.mutationId) })),
            ),
        };
      },
    },
    intentOf: (mutationId) => mutationId.split('~')[0] ?? mutationId,
  },
  {
    name: 'ignore ids beyond the window',
    sabotage: {
      archive: (archive) => ({ ...archive, findMutation: () => Promise.resolve({ entry: undefined, knownFrom: 1 }) }),
    },
  },
  {
    name: 'say durable before the commit',
    sabotage: {
      archive: (archive, clock) => ({
        ...archive,
        commit(parts) {
          clock.after(30, () => void archive.commit(parts).catch(() => undefined));
          return Promise.resolve(parts.map(({ campaignId }) => ({ campaignId, kind: 'committed' })));
        },
      }),
    },
  },
  {
    name: 'say durable what a failed batch held',
    sabotage: {
      archive: (archive) => {
        let commits = 0;
        return {
          ...archive,
          commit(parts) {
            commits += 1;
            if (commits % 3 !== 0) return archive.commit(parts);
            return Promise.resolve(parts.map(({ campaignId }) => ({ campaignId, kind: 'committed' })));
          },
        };
      },
    },
  },
  {
    name: 'jump the watermark to the head',
    sabotage: {
      log: (log) => ({
        ...log,
        markDurable: (campaignId, epoch) => log.markDurable(campaignId, epoch, Number.MAX_SAFE_INTEGER),
      }),
    },
  },
  {
    name: 'apply own writes twice',
    sabotage: {
      log: (log) => ({
        ...log,
        open: (campaignId, generation, archived, listener) =>
          log.open(campaignId, generation, archived, (event) => [event, doubled(event)].forEach(listener)),
      }),
    },
  },
  {
    name: 'acknowledge what the log did not take',
    sabotage: {
      log: (log) => {
        let appends = 0;
        return {
          ...log,
          append(campaignId, expected, entries) {
            appends += 1;
            return appends % 5 === 0 && entries.length > 0
              ? Promise.resolve({ kind: 'appended' })
              : log.append(campaignId, expected, entries);
          },
        };
      },
    },
  },
  {
    name: 'resume without looking at the timeline',
    sabotage: {
      manager(manager, store) {
        const onPresentTimeline = <T extends { campaignId: string; lastEventId?: string | undefined }>(
          options: T,
        ): T => {
          const epoch = store.campaigns.get(options.campaignId)?.head.epoch;
          const rest = options.lastEventId?.split(':')[1];
          return epoch === undefined || rest === undefined ? options : { ...options, lastEventId: `${epoch}:${rest}` };
        };
        return {
          ...manager,
          watch: (caller, reader, options) => manager.watch(caller, reader, onPresentTimeline(options)),
          join: (caller, member, options) => manager.join(caller, member, onPresentTimeline(options)),
        };
      },
    },
  },
  {
    name: 'continue in the same epoch after a crash',
    sabotage: {
      crash(store) {
        for (const campaign of store.campaigns.values())
          campaign.membership = { ...campaign.membership, active: false };
      },
    },
  },
  {
    name: 'keep the checkpoint of another moment',
    sabotage: {
      archive: (archive) => ({
        ...archive,
        commit: (parts) =>
          archive.commit(
            parts.map((part) => ({ ...part, state: withMember(part.state, 'title', 'of another moment', false) })),
          ),
      }),
    },
  },
  {
    name: 'call a stop clean that left something behind',
    sabotage: {
      manager: (manager) => ({
        ...manager,
        async stop() {
          await manager.stop(0);
          return true;
        },
      }),
    },
  },
  {
    name: 'a client that pushes without saying what it has seen',
    sabotage: {},
    blind: true,
  },
  {
    name: 'ignore that a copy may still be in flight',
    // Of runs with several servers one in two hundred finds it; a single one, as played here, hardly ever gets a late
    // copy.
    cluster: true,
    sabotage: {
      manager: (manager) => ({
        ...manager,
        push: (caller, campaignId, mutations, seen) =>
          manager.push(
            caller,
            campaignId,
            mutations.map(({ isRetry: _ignored, ...mutation }) => mutation),
            seen,
          ),
      }),
    },
  },
  {
    name: 'split a push into parts that do not know of each other',
    sabotage: {
      manager: (manager) => ({
        ...manager,
        push: async (caller, campaignId, mutations, seen) =>
          (await Promise.all(mutations.map((mutation) => manager.push(caller, campaignId, [mutation], seen)))).flat(),
      }),
    },
  },
  {
    name: 'miss the last publication, and never look again',
    cluster: true,
    sabotage: {
      log: (log) => ({
        ...log,
        open: (campaignId, generation, archived, listener) =>
          log.open(campaignId, generation, archived, (event) =>
            event.kind === 'entry' && event.sealed.record.version % 3 === 0 ? undefined : listener(event),
          ),
      }),
    },
  },
  {
    name: 'see a gap, and never read what is missing',
    cluster: true,
    sabotage: {
      log: (log) => ({ ...log, read: () => Promise.resolve([]) }),
    },
  },
  { name: 'compare on the version only', cluster: true, careless: true, sabotage: {} },
  {
    name: 'take every loss for an orderly leave: the epoch goes on',
    cluster: true,
    sabotage: {
      archive: (archive) => ({
        ...archive,
        async load(campaignId, recent) {
          const loaded = await archive.load(campaignId, recent);
          return loaded && { ...loaded, membership: { ...loaded.membership, active: false } };
        },
      }),
    },
  },
  {
    name: 'answer refusals and no-ops without confirmation',
    cluster: true,
    sabotage: {
      log: (log) => ({
        ...log,
        append: (campaignId, expected, entries) =>
          entries.length === 0 ? Promise.resolve({ kind: 'appended' }) : log.append(campaignId, expected, entries),
      }),
    },
  },
  {
    name: 'stream the document as it is to whoever may read',
    targeting: true,
    sabotage: {
      manager: (manager) => ({
        ...manager,
        watch: (caller, reader, options) =>
          manager.watch(asEditor(caller), readerAsEditor(reader), { ...options, viewer: undefined }),
        join: (caller, target, options) =>
          manager.join(
            asEditor(caller),
            { reader: readerAsEditor(target.reader), send: target.send, end: target.end },
            { ...options, viewer: undefined },
          ),
      }),
    },
  },
  {
    name: 'show whoever may audit the history as it is',
    targeting: true,
    sabotage: {
      manager: (manager) => ({
        ...manager,
        history: (caller, campaignId, query) => manager.history(asEditor(caller), campaignId, query),
      }),
    },
  },
  {
    name: 'judge all viewers by the attributes of one',
    targeting: true,
    sabotage: {
      manager(manager) {
        const viewer = { attributes: { id: 'user-0', country: 'NG' } };
        return {
          ...manager,
          watch: (caller, reader, options) => manager.watch(caller, reader, { ...options, viewer }),
          join: (caller, target, options) => manager.join(caller, target, { ...options, viewer }),
        };
      },
    },
  },
  {
    name: 'move every unit along its line',
    targeting: true,
    sabotage: {
      engine: (engine) => ({
        ...engine,
        bucketOf: (seed, unit, version) => (engine.bucketOf(seed, unit, version) + 1_000) % 10_000,
      }),
    },
  },
  {
    name: 'forget what is held for somebody',
    targeting: true,
    sabotage: { places: (store) => ({ ...store, findHeldPlaces: () => Promise.resolve([]) }) },
  },
  {
    name: 'hold for everybody what is held for one',
    targeting: true,
    sabotage: {
      places: (store) => ({
        ...store,
        findHeldPlaces: async (units) => {
          const [first] = units;
          const rows = first ? await store.findHeldPlaces([first]) : [];
          return units.flatMap((unit) =>
            rows.map((row) => ({ ...row, ...unit, bucket: (row.bucket + 5_000) % 10_000 })),
          );
        },
      }),
    },
  },
  {
    name: 'let everybody meet every condition',
    targeting: true,
    sabotage: {
      engine: (engine) => ({
        ...engine,
        prepare: () => ({ judge: () => ({ meets: () => true, isIn: () => true }) }),
      }),
    },
  },
];

const raised = (identity: Identity): Identity => ({ ...identity, grants: { '*': 'editor' } });
const asEditor = (caller: Caller): Caller => ({ ...caller, identity: raised(caller.identity), viewer: undefined });
const readerAsEditor = (reader: Reader): Reader => ({ ...reader, identity: () => raised(reader.identity()) });

/** The same change once more, at the next version. */
function doubled(event: LogEvent): LogEvent {
  if (event.kind !== 'entry') return event;
  const { record } = event.sealed;
  return { kind: 'entry', sealed: { ...event.sealed, record: { ...record, version: record.version + 1 } } };
}
