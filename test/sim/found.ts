import type { Plan } from './plan.ts';

/** Runs that failed once, cut down to what they needed for it, and what they found. They are played first, for ever. */
export const FOUND: readonly { what: string; plan: Plan }[] = [
  {
    what: 'a retried push applied a no-op of its first try behind its later mutations (G7)',
    plan: {
      seed: 28,
      steps: [
        { wait: 61, kind: 'crash', downtime: 138 },
        { wait: 3, kind: 'edit', client: 3, command: { type: 'updateFeatures', features: ['x'], action: 'remove' } },
        { wait: 151, kind: 'log-faults', faults: ['unheard', 'refused', 'refused'] },
        { wait: 48, kind: 'edit', client: 3, command: { type: 'update', updates: { title: 'three' } } },
        { wait: 42, kind: 'disconnect', client: 3 },
        { wait: 179, kind: 'restart', patience: 1000, downtime: 166 },
        { wait: 287, kind: 'edit', client: 1, command: { type: 'batch', commands: [{ type: 'updateConfig', section: 'theme', value: { colour: 'three' } }, { type: 'updateFeatures', features: ['x'], action: 'add' }] } },
      ],
    },
  },
  {
    what: 'the same, where the push and its retry waited for the log together (G7)',
    plan: {
      seed: 5848,
      steps: [
        { wait: 309, kind: 'edit', client: 0, command: { type: 'batch', commands: [{ type: 'updateConfig', section: 'theme', value: { colour: 'two' } }, { type: 'updateFeatures', features: ['z'], action: 'add' }] } },
        { wait: 0, kind: 'idle' },
        { wait: 0, kind: 'log-faults', faults: ['unheard', 'refused', 'unheard', 'refused'] },
        { wait: 28, kind: 'edit', client: 2, command: { type: 'updateFeatures', features: ['x'], action: 'remove' } },
        { wait: 162, kind: 'crash', downtime: 97 },
        { wait: 51, kind: 'log-faults', faults: ['refused', 'refused', 'unheard'] },
        { wait: 49, kind: 'crash', downtime: 166 },
        { wait: 31, kind: 'latency', archive: 30, log: 20 },
        { wait: 164, kind: 'edit', client: 0, command: { type: 'updateFeatures', features: ['z'], action: 'remove' } },
        { wait: 79, kind: 'edit', client: 2, command: { type: 'batch', commands: [{ type: 'updateConfig', section: 'theme', value: { colour: 'two' } }, { type: 'updateFeatures', features: ['z'], action: 'add' }] } },
        { wait: 123, kind: 'idle' },
      ],
    },
  },
  {
    what: 'a no-op was as durable as its retry, not as what stood behind it, and came again after a crash (G7)',
    plan: {
      seed: 10773,
      steps: [
        { wait: 30, kind: 'log-faults', faults: ['refused'] },
        { wait: 0, kind: 'edit', client: 1, command: { type: 'update', updates: { about: null, owner_id: 'two' } } },
        { wait: 0, kind: 'archive-faults', faults: ['refused'] },
        { wait: 59, kind: 'archive-faults', faults: ['refused', 'unheard', 'refused'] },
        { wait: 200, kind: 'edit', client: 1, command: { type: 'update', updates: { title: null } } },
        { wait: 28, kind: 'restart', patience: 1000, downtime: 147 },
        { wait: 91, kind: 'read', client: 3, call: 'diff' },
        { wait: 0, kind: 'edit', client: 2, command: { type: 'batch', commands: [{ type: 'updateConfig', section: 'theme', value: { colour: 'one' } }, { type: 'updateFeatures', features: ['z'], action: 'add' }] } },
        { wait: 184, kind: 'edit', client: 2, command: { type: 'update', updates: { about: { x: 8 }, owner_id: 'three' } } },
        { wait: 36, kind: 'edit', client: 3, command: { type: 'update', updates: { status: 'draft' } } },
        { wait: 5, kind: 'idle' },
        { wait: 14, kind: 'crash', downtime: 89 },
        { wait: 0, kind: 'edit', client: 3, command: { type: 'batch', commands: [{ type: 'updateConfig', section: 'theme', value: { colour: 'three' } }, { type: 'updateFeatures', features: ['x'], action: 'add' }] } },
        { wait: 18, kind: 'edit', client: 3, command: { type: 'batch', commands: [{ type: 'updateConfig', section: 'theme', value: { colour: 'three' } }, { type: 'updateFeatures', features: ['x'], action: 'add' }] } },
        { wait: 27, kind: 'edit', client: 0, command: { type: 'update', updates: { title: 'two' } } },
        { wait: 4, kind: 'edit', client: 2, command: { type: 'update', updates: { about: null, owner_id: 'two' } } },
        { wait: 68, kind: 'edit', client: 3, command: { type: 'batch', commands: [{ type: 'updateConfig', section: 'theme', value: { colour: 'two' } }, { type: 'updateFeatures', features: ['x'], action: 'add' }] } },
        { wait: 38, kind: 'disconnect', client: 2 },
        { wait: 54, kind: 'edit', client: 0, command: { type: 'update', updates: { title: 'one' } } },
        { wait: 15, kind: 'archive-faults', faults: ['refused', 'refused', 'refused'] },
        { wait: 49, kind: 'stall', client: 3, milliseconds: 636 },
        { wait: 67, kind: 'forget', client: 1 },
        { wait: 38, kind: 'edit', client: 1, command: { type: 'batch', commands: [{ type: 'updateConfig', section: 'theme', value: { colour: 'one' } }, { type: 'updateFeatures', features: ['z'], action: 'add' }] } },
        { wait: 0, kind: 'forget', client: 3 },
        { wait: 46, kind: 'archive-faults', faults: ['refused', 'refused', 'unheard', 'unheard'] },
        { wait: 99, kind: 'edit', client: 0, command: { type: 'update', updates: { status: 'draft' } } },
        { wait: 28, kind: 'crash', downtime: 29 },
      ],
    },
  },
];
