import { hash } from 'node:crypto';
import { guideRule, isGuided, type Guidance } from '../../core/analytics/guide-rule.ts';
import type { RuleResults } from '../../core/analytics/results.ts';
import { isObjectPart, memberOf, plainOf } from '../../core/document/document-tree.ts';
import type { RuleInput } from '../../core/document/targeting-fields.ts';
import { asError, RefusalError } from '../../core/errors.ts';
import type { Identity } from '../../core/permissions.ts';
import { treeOf } from '../../core/stream/apply.ts';
import type { Projector } from '../../core/stream/audience.ts';
import { formatPosition } from '../../core/stream/position.ts';
import type { KeyedRule } from '../../core/targeting/targeting.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import type { CampaignHost } from '../hosting/campaign-host.ts';
import type { LoadedCampaign } from '../hosting/log-follower.ts';
import type { EngineObserver } from '../observer.ts';
import type { Archive, Clock } from '../ports.ts';
import type { CampaignService } from '../service.ts';

export interface RuleGuideOptions {
  readonly hosting: Pick<CampaignHost, 'loaded'>;
  readonly archive: Pick<Archive, 'findMutation'>;
  readonly projector: Projector;
  readonly clock: Clock;
  readonly observer: EngineObserver;
  readonly mutate: CampaignService['mutate'];
  /** Who does what the server does by itself. */
  readonly system: Identity;
  resultsOf(campaign: LoadedCampaign, rule: KeyedRule): Promise<RuleResults>;
}

/** Guides the rules of the campaigns in memory. */
export interface RuleGuide {
  /** Looks at every guided rule once. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

/** Interval between two looks, in milliseconds. */
const LOOK_MS = 10_000;

/**
 * Makes the steps of ramps and holds rules that do harm, on whichever instance gets there: each as an ordinary entry
 * under a mutation id that all instances make alike, so that it is made once, over crashes too. It is decided at the
 * version that was looked at: an editor's change in between makes it `CONFLICT`, and it is looked at again.
 */
export function startRuleGuide(options: RuleGuideOptions): RuleGuide {
  const { hosting, archive, projector, clock, observer } = options;
  let cancel: (() => void) | undefined;
  let working: Promise<void> = Promise.resolve();
  let stopped = false;

  const steppedAt = async (live: LiveCampaign, rule: KeyedRule): Promise<number> => {
    if (rule.step === undefined) return 0;
    const id = mutationIdOf(rule, `step${rule.step}`);
    const { entry } = await archive.findMutation(live.id, id);
    // Not saved yet, or set by an editor: it counts from the newest change.
    return entry?.record.at ?? live.updatedAt;
  };

  const guide = async (campaign: LoadedCampaign, rule: KeyedRule): Promise<void> => {
    const { live } = campaign;
    const position = formatPosition(live.head.epoch, live.head.version);
    const given = rawRule(live, rule.key);
    const results = await options.resultsOf(campaign, rule);
    const guidance = guideRule({ rule, results, steppedAt: await steppedAt(live, rule), now: clock.now() });
    if (!guidance || !given) return;
    const caller = { identity: options.system, correlationId: clock.id() };
    const mutationId = mutationIdOf(rule, guidance.kind === 'step' ? `step${guidance.step}` : guidance.kind);
    const command = { type: 'updateRule' as const, key: rule.key, rule: guided(given, guidance) };
    const comment = guidance.why.slice(0, 500);
    const receipt = await options.mutate(caller, live.id, command, { mutationId, comment, expectedVersion: position });
    if ('version' in receipt && receipt.changed)
      observer.ruleGuided?.({ campaignId: live.id, rule: rule.key, what: guidance.kind });
  };

  const look = async (): Promise<void> => {
    for (const campaign of hosting.loaded()) {
      const { archivedAt } = campaign.live.content;
      const rules = projector.prepared(treeOf(campaign.live.content))?.targeting.rules ?? [];
      for (const rule of archivedAt === undefined ? rules.filter(isGuided) : []) {
        if (stopped) return;
        await guide(campaign, rule).catch((error: unknown) => {
          // Another instance, or an editor, was faster; or it is locked: the next look sees what there is then.
          if (error instanceof RefusalError) return;
          observer.failed?.({ what: 'guide a rule', campaignId: campaign.live.id, error: asError(error) });
        });
      }
    }
  };

  const again = (): void => {
    cancel = clock.after(LOOK_MS, () => {
      working = look()
        .catch((error: unknown) => observer.failed?.({ what: 'guide rules', error: asError(error) }))
        .then(() => (stopped ? undefined : again()));
    });
  };
  again();

  return {
    look,
    async stop() {
      stopped = true;
      cancel?.();
      await working;
    },
  };
}

/** The rule as it stands in the document, with what the evaluation does not read. */
function rawRule(live: LiveCampaign, key: string): RuleInput | undefined {
  const rules = memberOf(treeOf(live.content), 'rules');
  const rule = isObjectPart(rules) ? memberOf(rules, key) : undefined;
  // It was read as a rule by `readTargeting`, and has passed the schema when it was written.
  return isObjectPart(rule) ? (plainOf(rule) as unknown as RuleInput) : undefined;
}

function guided(rule: RuleInput, guidance: Guidance): RuleInput {
  if (guidance.kind !== 'step') return { ...rule, status: guidance.kind === 'pause' ? 'paused' : 'ended' };
  // Its ranges are cut anew, so that nobody who has an arm loses it.
  const { ranges: _, ...rest } = rule;
  return { ...rest, coverage: guidance.coverage, step: guidance.step };
}

/**
 * The id under which every instance makes the same entry: of the rule, its phase and what is done. A ramp that an
 * editor replaces begins anew, so that it is part of it.
 */
function mutationIdOf({ key, phase, ramp, guard }: KeyedRule, what: string): string {
  const digest = hash('sha256', JSON.stringify([key, ramp, guard]), 'base64url').slice(0, 22);
  return `guided:${digest}:${phase}:${what}`;
}
