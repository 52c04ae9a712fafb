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
        { wait: 179, kind: 'restart', graceMs: 1000, downtime: 166 },
        {
          wait: 287,
          kind: 'edit',
          client: 1,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'three' } },
              { type: 'updateFeatures', features: ['x'], action: 'add' },
            ],
          },
        },
      ],
    },
  },
  {
    what: 'the same, where the push and its retry waited for the log together (G7)',
    plan: {
      seed: 5848,
      steps: [
        {
          wait: 309,
          kind: 'edit',
          client: 0,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'two' } },
              { type: 'updateFeatures', features: ['z'], action: 'add' },
            ],
          },
        },
        { wait: 0, kind: 'idle' },
        { wait: 0, kind: 'log-faults', faults: ['unheard', 'refused', 'unheard', 'refused'] },
        { wait: 28, kind: 'edit', client: 2, command: { type: 'updateFeatures', features: ['x'], action: 'remove' } },
        { wait: 162, kind: 'crash', downtime: 97 },
        { wait: 51, kind: 'log-faults', faults: ['refused', 'refused', 'unheard'] },
        { wait: 49, kind: 'crash', downtime: 166 },
        { wait: 31, kind: 'latency', archive: 30, log: 20 },
        { wait: 164, kind: 'edit', client: 0, command: { type: 'updateFeatures', features: ['z'], action: 'remove' } },
        {
          wait: 79,
          kind: 'edit',
          client: 2,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'two' } },
              { type: 'updateFeatures', features: ['z'], action: 'add' },
            ],
          },
        },
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
        { wait: 28, kind: 'restart', graceMs: 1000, downtime: 147 },
        { wait: 91, kind: 'read', client: 3, call: 'diff' },
        {
          wait: 0,
          kind: 'edit',
          client: 2,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'one' } },
              { type: 'updateFeatures', features: ['z'], action: 'add' },
            ],
          },
        },
        {
          wait: 184,
          kind: 'edit',
          client: 2,
          command: { type: 'update', updates: { about: { x: 8 }, owner_id: 'three' } },
        },
        { wait: 36, kind: 'edit', client: 3, command: { type: 'update', updates: { status: 'draft' } } },
        { wait: 5, kind: 'idle' },
        { wait: 14, kind: 'crash', downtime: 89 },
        {
          wait: 0,
          kind: 'edit',
          client: 3,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'three' } },
              { type: 'updateFeatures', features: ['x'], action: 'add' },
            ],
          },
        },
        {
          wait: 18,
          kind: 'edit',
          client: 3,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'three' } },
              { type: 'updateFeatures', features: ['x'], action: 'add' },
            ],
          },
        },
        { wait: 27, kind: 'edit', client: 0, command: { type: 'update', updates: { title: 'two' } } },
        { wait: 4, kind: 'edit', client: 2, command: { type: 'update', updates: { about: null, owner_id: 'two' } } },
        {
          wait: 68,
          kind: 'edit',
          client: 3,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'two' } },
              { type: 'updateFeatures', features: ['x'], action: 'add' },
            ],
          },
        },
        { wait: 38, kind: 'disconnect', client: 2 },
        { wait: 54, kind: 'edit', client: 0, command: { type: 'update', updates: { title: 'one' } } },
        { wait: 15, kind: 'archive-faults', faults: ['refused', 'refused', 'refused'] },
        { wait: 49, kind: 'stall', client: 3, milliseconds: 636 },
        { wait: 67, kind: 'forget', client: 1 },
        {
          wait: 38,
          kind: 'edit',
          client: 1,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'one' } },
              { type: 'updateFeatures', features: ['z'], action: 'add' },
            ],
          },
        },
        { wait: 0, kind: 'forget', client: 3 },
        { wait: 46, kind: 'archive-faults', faults: ['refused', 'refused', 'unheard', 'unheard'] },
        { wait: 99, kind: 'edit', client: 0, command: { type: 'update', updates: { status: 'draft' } } },
        { wait: 28, kind: 'crash', downtime: 29 },
      ],
    },
  },
  {
    what: 'the SDK sent a no-op again, after a reset, behind its own change that had survived (G7)',
    plan: {
      seed: 17913,
      steps: [
        { wait: 23, kind: 'crash', downtime: 173 },
        { wait: 6, kind: 'archive-away', milliseconds: 971 },
        { wait: 57, kind: 'edit', client: 0, command: { type: 'update', updates: { about: null, owner_id: 'three' } } },
        {
          wait: 175,
          kind: 'edit',
          client: 0,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'one' } },
              { type: 'updateFeatures', features: ['z'], action: 'add' },
            ],
          },
        },
        { wait: 0, kind: 'log-faults', faults: ['unheard', 'refused', 'unheard'] },
        { wait: 20, kind: 'edit', client: 3, command: { type: 'update', updates: { about: null, owner_id: 'three' } } },
        { wait: 47, kind: 'direct', client: 2, call: { type: 'restore' } },
        {
          wait: 100,
          kind: 'edit',
          client: 0,
          command: { type: 'update', updates: { about: { z: 3 }, owner_id: 'two' } },
        },
        { wait: 1, kind: 'direct', client: 3, call: { type: 'rollback' } },
        { wait: 29, kind: 'archive-away', milliseconds: 161 },
        { wait: 0, kind: 'idle' },
        { wait: 210, kind: 'edit', client: 2, command: { type: 'update', updates: { status: 'draft' } } },
        { wait: 43, kind: 'crash', downtime: 52 },
        { wait: 32, kind: 'edit', client: 0, command: { type: 'update', updates: { about: null, owner_id: 'one' } } },
        { wait: 0, kind: 'log-faults', faults: ['unheard', 'unheard', 'refused'] },
        { wait: 0, kind: 'edit', client: 0, command: { type: 'update', updates: { about: null, owner_id: 'one' } } },
        { wait: 149, kind: 'stall', client: 0, milliseconds: 178 },
        {
          wait: 140,
          kind: 'edit',
          client: 0,
          command: { type: 'update', updates: { about: { z: 4 }, owner_id: 'three' } },
        },
        { wait: 58, kind: 'crash', downtime: 45 },
      ],
    },
  },
  {
    what: 'the SDK took for safe what it was told was accepted before its first snapshot, and a crash lost (G5)',
    plan: {
      seed: 1082,
      steps: [
        { wait: 75, kind: 'disconnect', client: 3 },
        { wait: 12, kind: 'edit', client: 3, command: { type: 'update', updates: { title: 'two' } } },
        {
          wait: 24,
          kind: 'edit',
          client: 1,
          command: { type: 'update', updates: { about: { z: 0 }, owner_id: 'one' } },
        },
        { wait: 11, kind: 'crash', downtime: 58 },
      ],
    },
  },
  {
    what: 'a reload between asking the archive for old ids and deciding let a mutation through twice (G3)',
    plan: {
      seed: 2766,
      instances: 3,
      steps: [
        {
          wait: 48,
          kind: 'edit',
          client: 1,
          command: { type: 'update', updates: { about: { z: 2 }, owner_id: 'two' } },
        },
        { wait: 14, kind: 'pause', instance: 1, milliseconds: 3338 },
        { wait: 54, kind: 'edit', client: 2, command: { type: 'update', updates: { title: 'three' } } },
        { wait: 80, kind: 'edit', client: 2, command: { type: 'update', updates: { status: 'draft' } } },
        { wait: 53, kind: 'stall', client: 0, milliseconds: 653 },
        {
          wait: 7,
          kind: 'edit',
          client: 0,
          command: { type: 'update', updates: { about: { x: 5 }, owner_id: 'one' } },
        },
        { wait: 39, kind: 'edit', client: 3, command: { type: 'update', updates: { title: 'two' } } },
        { wait: 10, kind: 'edit', client: 2, command: { type: 'update', updates: { status: 'draft' } } },
        { wait: 0, kind: 'direct', client: 0, call: { type: 'archive' } },
        { wait: 97, kind: 'crash', instance: 0, downtime: 11 },
        { wait: 41, kind: 'log-replica' },
        { wait: 0, kind: 'crash', instance: 1, downtime: 143 },
        { wait: 52, kind: 'edit', client: 3, command: { type: 'updateFeatures', features: ['z'], action: 'add' } },
        { wait: 53, kind: 'edit', client: 3, command: { type: 'update', updates: { about: null, owner_id: 'two' } } },
        { wait: 57, kind: 'edit', client: 2, command: { type: 'update', updates: { title: null } } },
        { wait: 10, kind: 'pause', instance: 0, milliseconds: 5121 },
        { wait: 62, kind: 'direct', client: 0, call: { type: 'archive' } },
        { wait: 25, kind: 'edit', client: 3, command: { type: 'update', updates: { title: 'two' } } },
        { wait: 59, kind: 'edit', client: 0, command: { type: 'updateFeatures', features: ['z'], action: 'add' } },
        { wait: 57, kind: 'read', client: 2, call: 'history' },
        { wait: 21, kind: 'log-promote' },
        { wait: 18, kind: 'direct', client: 1, call: { type: 'whenDurable' } },
        { wait: 59, kind: 'edit', client: 1, command: { type: 'update', updates: { title: 'one' } } },
        { wait: 12, kind: 'edit', client: 2, command: { type: 'update', updates: { status: 'draft' } } },
        { wait: 105, kind: 'archive-away', milliseconds: 1123 },
        { wait: 0, kind: 'pause', instance: 1, milliseconds: 4967 },
        { wait: 44, kind: 'direct', client: 3, call: { type: 'archive' } },
        { wait: 25, kind: 'edit', client: 1, command: { type: 'updateFeatures', features: ['y'], action: 'remove' } },
        { wait: 36, kind: 'idle' },
        {
          wait: 95,
          kind: 'edit',
          client: 1,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'one' } },
              { type: 'updateFeatures', features: ['y'], action: 'add' },
            ],
          },
        },
        { wait: 55, kind: 'edit', client: 1, command: { type: 'update', updates: { status: 'active' } } },
        { wait: 34, kind: 'edit', client: 1, command: { type: 'update', updates: { title: 'two' } } },
        { wait: 19, kind: 'forget', client: 3 },
        { wait: 96, kind: 'restart', instance: 1, graceMs: 1000, downtime: 105 },
        {
          wait: 8,
          kind: 'edit',
          client: 3,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'three' } },
              { type: 'updateFeatures', features: ['y'], action: 'add' },
            ],
          },
        },
        { wait: 60, kind: 'stall', client: 0, milliseconds: 948 },
      ],
    },
  },
  {
    what: 'a change that was refused while the campaign was archived was applied by a copy that came after its restoring (G7)',
    plan: {
      seed: 3838,
      steps: [
        {
          wait: 166,
          kind: 'edit',
          client: 1,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'one' } },
              { type: 'updateFeatures', features: ['z'], action: 'add' },
            ],
          },
        },
        { wait: 53, kind: 'edit', client: 3, command: { type: 'updateFeatures', features: ['y'], action: 'add' } },
        {
          wait: 0,
          kind: 'edit',
          client: 1,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'two' } },
              { type: 'updateFeatures', features: ['z'], action: 'add' },
            ],
          },
        },
        { wait: 74, kind: 'edit', client: 2, command: { type: 'update', updates: { status: 'draft' } } },
        {
          wait: 4,
          kind: 'edit',
          client: 3,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'two' } },
              { type: 'updateFeatures', features: ['x'], action: 'add' },
            ],
          },
        },
        { wait: 144, kind: 'direct', client: 3, call: { type: 'archive' } },
        {
          wait: 142,
          kind: 'edit',
          client: 1,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'three' } },
              { type: 'updateFeatures', features: ['y'], action: 'add' },
            ],
          },
        },
        { wait: 96, kind: 'edit', client: 1, command: { type: 'update', updates: { title: null } } },
        { wait: 59, kind: 'direct', client: 1, call: { type: 'rollback' } },
        { wait: 0, kind: 'edit', client: 1, command: { type: 'updateFeatures', features: ['x'], action: 'add' } },
        { wait: 0, kind: 'crash', downtime: 182 },
        { wait: 233, kind: 'direct', client: 1, call: { type: 'restore' } },
        { wait: 0, kind: 'idle' },
      ],
    },
  },
  {
    what: 'an instance missed an entry whose stream was deleted, and was told nothing more (G9)',
    plan: {
      seed: 3109,
      instances: 2,
      steps: [
        { wait: 48, kind: 'deaf', instance: 1, milliseconds: 1847 },
        { wait: 83, kind: 'edit', client: 2, command: { type: 'update', updates: { status: 'draft' } } },
        {
          wait: 104,
          kind: 'edit',
          client: 0,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'one' } },
              { type: 'updateFeatures', features: ['y'], action: 'add' },
            ],
          },
        },
        { wait: 0, kind: 'edit', client: 0, command: { type: 'update', updates: { status: 'draft' } } },
        { wait: 6, kind: 'log-lose-entries' },
        {
          wait: 60,
          kind: 'edit',
          client: 3,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'three' } },
              { type: 'updateFeatures', features: ['z'], action: 'add' },
            ],
          },
        },
      ],
    },
  },
  {
    what: 'a viewer was shown rules in the history of a campaign that has none any more (G11)',
    plan: {
      seed: 152,
      viewers: true,
      steps: [
        {
          wait: 63,
          kind: 'edit',
          client: 2,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'two' } },
              { type: 'updateFeatures', features: ['z'], action: 'add' },
            ],
          },
        },
        { wait: 109, kind: 'direct', client: 0, call: { type: 'restore' } },
        { wait: 96, kind: 'direct', client: 0, call: { type: 'restore' } },
        {
          wait: 64,
          kind: 'direct',
          client: 0,
          call: { type: 'rule', command: { type: 'shipRule', key: 'p', winner: 'x' } },
        },
        { wait: 96, kind: 'direct', client: 0, call: { type: 'restore' } },
        { wait: 131, kind: 'idle' },
        {
          wait: 153,
          kind: 'direct',
          client: 0,
          call: {
            type: 'rule',
            command: {
              type: 'updateRule',
              key: 'p',
              rule: {
                order: 0,
                description: 'secret of the rules',
                status: 'running',
                unit: 'id',
                coverage: 0.2,
                arms: { x: { weight: 2, change: { merge: { theme: { colour: 'p x' } }, features: { add: ['x'] } } } },
              },
            },
          },
        },
        {
          wait: 143,
          kind: 'edit',
          client: 0,
          command: { type: 'update', updates: { about: { y: 7 }, owner_id: 'one' } },
        },
        { wait: 0, kind: 'direct', client: 2, call: { type: 'rollback' } },
        { wait: 91, kind: 'crash', downtime: 32 },
        { wait: 408, kind: 'look', client: 5 },
      ],
    },
  },
  {
    what: 'a viewer was told that an arm was shipped again, by whom and with which words (G11)',
    plan: {
      seed: 1430,
      viewers: true,
      steps: [
        {
          wait: 20,
          kind: 'direct',
          client: 3,
          call: {
            type: 'rule',
            command: {
              type: 'updateRule',
              key: 'r',
              rule: {
                order: 1,
                description: 'secret of the rules',
                status: 'running',
                unit: 'id',
                coverage: 1,
                arms: {
                  x: { weight: 2, change: { merge: { theme: { colour: 'r x' } }, features: { add: ['x'] } } },
                  y: { weight: 1, change: { merge: { about: { y: 'y' } }, remove: [['about']] } },
                },
              },
            },
          },
        },
        {
          wait: 23,
          kind: 'direct',
          client: 1,
          call: { type: 'rule', command: { type: 'shipRule', key: 'r', winner: 'x' } },
        },
        { wait: 141, kind: 'edit', client: 3, command: { type: 'updateFeatures', features: ['x'], action: 'remove' } },
        {
          wait: 259,
          kind: 'direct',
          client: 1,
          call: { type: 'rule', command: { type: 'shipRule', key: 'r', winner: 'x' } },
        },
      ],
    },
  },
  {
    what: 'the history told a viewer with which words an arm was shipped again (G11)',
    plan: {
      seed: 1675,
      viewers: true,
      steps: [
        {
          wait: 739,
          kind: 'direct',
          client: 1,
          call: {
            type: 'rule',
            command: {
              type: 'updateRule',
              key: 'p',
              rule: {
                order: 0,
                description: 'secret of the rules',
                status: 'running',
                unit: 'id',
                coverage: 0.5,
                arms: {
                  x: { weight: 3, change: { merge: { title: 'p x' }, features: { add: ['x'] } } },
                  y: { weight: 1, change: { merge: { about: { z: 'y' } }, remove: [['about']] } },
                },
                when: { country: 'NG' },
              },
            },
          },
        },
        {
          wait: 482,
          kind: 'direct',
          client: 3,
          call: { type: 'rule', command: { type: 'shipRule', key: 'p', winner: 'x' } },
        },
        { wait: 46, kind: 'edit', client: 1, command: { type: 'updateFeatures', features: ['x'], action: 'remove' } },
        {
          wait: 45,
          kind: 'direct',
          client: 3,
          call: { type: 'rule', command: { type: 'shipRule', key: 'p', winner: 'x' } },
        },
        { wait: 618, kind: 'look', client: 8 },
      ],
    },
  },
  {
    what: 'the newest entry came while a gap before it was read, and was never asked for (G9)',
    plan: {
      seed: 2106,
      instances: 3,
      viewers: true,
      steps: [
        {
          wait: 57,
          kind: 'edit',
          client: 0,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'two' } },
              { type: 'updateFeatures', features: ['z'], action: 'add' },
            ],
          },
        },
        { wait: 0, kind: 'deaf', instance: 0, milliseconds: 1101 },
        { wait: 8, kind: 'edit', client: 2, command: { type: 'update', updates: { title: null } } },
        { wait: 17, kind: 'deaf', instance: 1, milliseconds: 615 },
        {
          wait: 35,
          kind: 'edit',
          client: 0,
          command: { type: 'update', updates: { about: { y: 4 }, owner_id: 'one' } },
        },
        { wait: 23, kind: 'deaf', instance: 2, milliseconds: 1913 },
        {
          wait: 0,
          kind: 'direct',
          client: 3,
          call: { type: 'rule', command: { type: 'updateRule', key: 'r', rule: null } },
        },
        { wait: 0, kind: 'edit', client: 2, command: { type: 'updateFeatures', features: ['z'], action: 'remove' } },
        {
          wait: 0,
          kind: 'direct',
          client: 0,
          call: { type: 'rule', command: { type: 'updateRule', key: 'q', rule: null } },
        },
        { wait: 1, kind: 'pause', instance: 2, milliseconds: 3453 },
        { wait: 60, kind: 'read', client: 0, call: 'list' },
        { wait: 25, kind: 'edit', client: 0, command: { type: 'updateFeatures', features: ['x'], action: 'add' } },
        { wait: 0, kind: 'direct', client: 1, call: { type: 'archive' } },
        { wait: 34, kind: 'direct', client: 3, call: { type: 'rollback' } },
        {
          wait: 25,
          kind: 'edit',
          client: 3,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'two' } },
              { type: 'updateFeatures', features: ['y'], action: 'add' },
            ],
          },
        },
        {
          wait: 42,
          kind: 'edit',
          client: 3,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'two' } },
              { type: 'updateFeatures', features: ['z'], action: 'add' },
            ],
          },
        },
        { wait: 28, kind: 'edit', client: 1, command: { type: 'updateFeatures', features: ['y'], action: 'add' } },
        {
          wait: 33,
          kind: 'direct',
          client: 1,
          call: {
            type: 'rule',
            command: {
              type: 'updateSegment',
              key: 's',
              segment: {
                description: 'secret of the rules',
                when: { country: 'DE', secret: { $ne: 'secret of the rules' } },
              },
            },
          },
        },
        { wait: 43, kind: 'edit', client: 3, command: { type: 'updateFeatures', features: ['z'], action: 'add' } },
        {
          wait: 0,
          kind: 'edit',
          client: 3,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'three' } },
              { type: 'updateFeatures', features: ['y'], action: 'add' },
            ],
          },
        },
        { wait: 75, kind: 'edit', client: 0, command: { type: 'update', updates: { status: 'active' } } },
        {
          wait: 81,
          kind: 'edit',
          client: 0,
          command: {
            type: 'batch',
            commands: [
              { type: 'updateConfig', section: 'theme', value: { colour: 'two' } },
              { type: 'updateFeatures', features: ['z'], action: 'add' },
            ],
          },
        },
        { wait: 53, kind: 'idle' },
        { wait: 42, kind: 'edit', client: 0, command: { type: 'update', updates: { title: 'two' } } },
        { wait: 39, kind: 'archive-faults', faults: ['refused'] },
      ],
    },
  },
];
