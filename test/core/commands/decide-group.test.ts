import { PersistentObject } from '../../../server/core/document/persistent-object.ts';
import { provideLargeObjects } from '../../../server/core/document/document-tree.ts';
import { describe, expect, it } from 'vitest';
import type { ChangeCommand } from '../../../server/core/commands/command.ts';
import {
  decideGroup,
  type GroupBase,
  type GroupMutation,
  type GroupRules,
  type KnownMutations,
} from '../../../server/core/commands/decide-group.ts';
import type { AppliedMutation } from '../../../server/core/commands/idempotency.ts';
import { check } from '../../../server/core/document/check.ts';
import { jsonBytes } from '../../../server/core/document/plain-json.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { apply, type CampaignContent } from '../../../server/core/stream/apply.ts';
import { fingerprint, seal } from '../../../server/core/stream/hash-chain.ts';
import type { Fork } from '../../../server/core/stream/position.ts';

// As a server does when it is made.
provideLargeObjects(PersistentObject);

const RULES: GroupRules = { now: () => 1_000, check, seal, fingerprint };
const ADMIN = { id: 'ada', grants: { '*': 'admin' } } as const;

function known(applied: readonly AppliedMutation[] = []): KnownMutations {
  return {
    findApplied: (mutationId) => applied.find((mutation) => mutation.mutationId === mutationId),
    findRefusal: () => undefined,
    target: { state: {} },
  };
}

function baseOf(state: JsonObject, version = 1, lineage: readonly Fork[] = [], epoch = 'e1'): GroupBase {
  const content = { state, archivedAt: undefined };
  return {
    situation: { campaignId: 'c', epoch, version, lineage, content, documentBytes: jsonBytes(state) },
    tail: '',
    updatedAt: 0,
  };
}

function mutation(mutationId: string, command: ChangeCommand): GroupMutation {
  return {
    request: { command, identity: ADMIN },
    mutationId,
    isRetry: false,
    correlationId: mutationId,
    comment: undefined,
    dryRun: false,
  };
}

const title = (mutationId: string, text = mutationId) =>
  mutation(mutationId, { type: 'update', updates: { title: text } });

describe('the decision of a group', () => {
  it('G7 C92 what was applied in a later part of a push has no effect before it either', () => {
    const applied = { mutationId: 'b', version: 5, epoch: 'e1', fingerprint: 'f', changed: true };
    const unit = { mutations: [title('a')], rest: [title('b')] };
    const { entries, outcomes } = decideGroup(baseOf({ slug: 's', title: 'S' }, 7), [unit], known([applied]), RULES);
    expect(entries).toEqual([]);
    expect(outcomes).toMatchObject([{ outcome: { kind: 'unchanged', epoch: 'e1', version: 4 } }]);
  });

  it('G7 C92 what follows in a push is decided as if its client had seen the head after this part', () => {
    const unit = { mutations: [title('a'), title('b')], seen: 'e1:1' };
    expect(decideGroup(baseOf({ slug: 's', title: 'S' }), [unit, { mutations: [] }], known(), RULES).seen).toEqual([
      'e1:3',
      'e1:3',
    ]);
  });

  it('G7 C92 a push that was refused because its timeline was forked stays refused to its end', () => {
    const base = baseOf({ slug: 's', title: 'S' }, 4, [{ epoch: 'e2', parent: 'e1', fromVersion: 2 }], 'e2');
    const applied = {
      mutationId: 'a',
      version: 2,
      epoch: 'e1',
      fingerprint: fingerprint(title('a').request.command),
      changed: true,
    };
    const parts = [{ mutations: [title('a')], seen: 'e1:3' }];
    // All of this part was applied before, so that none of it is refused: the rest is nevertheless.
    const { outcomes, seen } = decideGroup(base, parts, known([applied]), RULES);
    expect(outcomes).toMatchObject([{ outcome: { kind: 'duplicate' } }]);
    expect(seen).toEqual(['e1:3']);
    const next = decideGroup(base, [{ mutations: [title('b')], seen: seen[0] }], known(), RULES);
    expect(next.outcomes).toMatchObject([{ outcome: { kind: 'rejected', refusal: { path: ['seen'] } } }]);
  });

  it('C93 one small change costs at most three times as much in a document of 18,000 keys as in one of 20', () => {
    // The least of many trials: everything else that the machine does only adds to them.
    const [few, many] = [changing(20), changing(18_000)];
    const cost = { few: Number.POSITIVE_INFINITY, many: Number.POSITIVE_INFINITY };
    for (let trial = 0; trial < 200; trial += 1) {
      cost.few = Math.min(cost.few, few());
      cost.many = Math.min(cost.many, many());
    }
    expect(cost.many / cost.few).toBeLessThanOrEqual(3);
  });
});

/** Changes one of so many keys, twenty times; each call gives the milliseconds that the decisions took. */
function changing(keys: number): () => number {
  const record = Object.fromEntries(Array.from({ length: keys }, (_, n) => [`k${n}`, n]));
  let content: CampaignContent = { state: { slug: 's', title: 'S', ...record }, archivedAt: undefined };
  let { situation } = baseOf(content.state);
  let made = 0;
  return () => {
    let milliseconds = 0;
    for (let round = 0; round < 20; round += 1) {
      made += 1;
      const change = mutation(`m${made}`, { type: 'update', updates: { [`k${made % keys}`]: 1_000_000 + made } });
      const startedAt = performance.now();
      const plan = decideGroup({ situation, tail: '', updatedAt: 0 }, [{ mutations: [change] }], known(), RULES);
      milliseconds += performance.now() - startedAt;
      for (const { record: entry } of plan.entries) content = apply(content, entry);
      situation = { ...situation, content, version: plan.head.version };
    }
    return milliseconds;
  };
}
