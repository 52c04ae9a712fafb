import { useMemo, useRef } from 'react';
import { trpc, useCampaign, useCampaignSnapshot } from '@campaign-state/client/react';
import { groupUse, previewRule, RULE_STATUSES, type Arm, type RuleInput } from '@campaign-state/client/targeting';
import { AddNamed } from '../fields/AddNamed.tsx';
import { Choice } from '../fields/Choice.tsx';
import { ConfirmButton } from '../status/ConfirmButton.tsx';
import type { Refused } from '../status/say-refusal.ts';
import { useKeptFocus } from '../ways/use-kept-focus.ts';
import { ArmCard } from './ArmCard.tsx';
import { ConditionBuilder } from './ConditionBuilder.tsx';
import { GuardForm } from './measures/GuardForm.tsx';
import { MetricsForm } from './measures/MetricsForm.tsx';
import { RampForm } from './measures/RampForm.tsx';
import { faultOfName } from './names.ts';
import { faultOfRule } from './reach/rule-fault.ts';
import { RuleScope } from './reach/RuleScope.tsx';
import { sayShare, shareOf, withShare } from './reach/weights.ts';
import { StaleDraft } from './StaleDraft.tsx';
import type { EditedByName } from './use-named-draft.ts';

/** Everything of one rule. Nothing is shown to anybody before it is saved: before that it says who would move. */
export function RuleForm({
  name,
  edited,
  isStored,
  saving,
}: {
  name: string;
  edited: EditedByName<RuleInput>;
  /** Whether it is there already. */
  isStored: boolean;
  saving: { readonly isPending: boolean; readonly error: Refused | null };
}) {
  const { value: rule, discards, isChanged, isStale, edit: setRule, save, discard, remove } = edited;
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const document = useCampaign((all) => all);
  const segments = useCampaign((all) => all.segments);
  const ship = trpc.campaign.shipRule.useMutation();
  const preview = useMemo(() => previewRule(document, name, rule), [document, name, rule]);
  const edit = (part: Partial<RuleInput>) => setRule({ ...rule, ...part });
  const form = useRef<HTMLDivElement>(null);
  useKeptFocus(form, `${isChanged} ${isStale} ${saving.isPending}`);
  const setArms = (arms: Record<string, Arm>) => edit({ arms });
  const arms = Object.entries(rule.arms);
  const use = rule.group === undefined ? undefined : groupUse(document, rule.group);
  // What it claims itself, it may claim again.
  const free = use && use.free + (use.rules[name] ?? 0);
  const fault = saving.error ? faultOfRule(saving.error, name, free) : undefined;

  return (
    <div ref={form} className="rule-form" tabIndex={-1}>
      <Choice label="Status" value={rule.status} options={RULE_STATUSES} choose={(status) => edit({ status })} />
      <ConditionBuilder
        key={discards}
        label="Who"
        condition={rule.when}
        segments={Object.keys(segments ?? {})}
        change={(when) => {
          const { when: _before, ...others } = rule;
          setRule({ ...others, ...(when && { when }) });
        }}
      />
      <RuleScope name={name} rule={rule} free={free} fault={fault} set={setRule} />
      <fieldset className="arms">
        <legend>{arms.length > 1 ? 'Arms' : 'What they see'}</legend>
        <ol>
          {arms.map(([arm, what]) => (
            <ArmCard
              key={arm}
              name={arm}
              arm={what}
              document={document}
              percent={Math.round(shareOf(rule.arms, arm))}
              says={`${sayShare(preview.shares[arm] ?? 0)} of them`}
              isAlone={arms.length === 1}
              ship={
                isChanged || rule.status === 'ended'
                  ? undefined
                  : (options) => ship.mutateAsync({ campaignId, key: name, winner: arm, ...options })
              }
              setShare={(percent) => setArms(withShare(rule.arms, arm, percent))}
              setChange={(change) => setArms({ ...rule.arms, [arm]: { ...what, change } })}
              remove={() => setArms(Object.fromEntries(arms.filter(([other]) => other !== arm)))}
            />
          ))}
        </ol>
        <AddNamed
          label="Add an arm"
          placeholder="Such as shorter"
          faultOf={(arm) => faultOfName(arm, Object.keys(rule.arms))}
          add={(arm) => setArms({ ...rule.arms, [arm]: { weight: meanWeight(rule.arms), change: {} } })}
        />
      </fieldset>
      <MetricsForm
        metrics={rule.metrics ?? {}}
        change={(metrics) => {
          const { metrics: _before, guard, ...others } = rule;
          const left = guard?.metrics.filter((name) => metrics !== undefined && Object.hasOwn(metrics, name)) ?? [];
          setRule({
            ...others,
            ...(metrics && { metrics }),
            // It may name no metric that is gone.
            ...(guard && left.length > 0 && { guard: { ...guard, metrics: left } }),
          });
        }}
      />
      <RampForm
        ramp={rule.ramp ?? []}
        change={(ramp) => {
          const { ramp: _before, ...others } = rule;
          setRule({ ...others, ...(ramp && { ramp }) });
        }}
      />
      <GuardForm
        metrics={Object.keys(rule.metrics ?? {})}
        guard={rule.guard}
        change={(guard) => {
          const { guard: _before, ...others } = rule;
          setRule({ ...others, ...(guard && { guard }) });
        }}
      />
      <div className="save-bar">
        {isChanged && (
          <p className="moved" role="status">
            {sayMoved(preview.moved)}
          </p>
        )}
        {isStale && <StaleDraft kind="rule" take={discard} />}
        {fault && (
          <p className="field-error" role="alert">
            {fault.words}
          </p>
        )}
        <p className="section-buttons">
          <button type="button" className="primary" disabled={!isChanged || saving.isPending} onClick={save}>
            {saving.isPending ? 'Saving…' : 'Save'}
          </button>
          {isChanged && (
            <button type="button" onClick={discard}>
              Discard
            </button>
          )}
          {isStored && (
            <ConfirmButton
              open="Remove…"
              title={`Remove the rule “${name}”?`}
              effect="Whoever has one of its arms sees the campaign without it, at once."
              go="Remove it"
              run={remove}
            />
          )}
        </p>
      </div>
    </div>
  );
}

/** A new arm gets as much as the others have on average. */
function meanWeight(arms: Readonly<Record<string, Arm>>): number {
  const weights = Object.values(arms).map(({ weight }) => weight);
  return Math.round((weights.reduce((sum, weight) => sum + weight, 0) / Math.max(1, weights.length)) * 100) / 100 || 1;
}

function sayMoved(moved: number): string {
  if (moved === 0) return 'Saving moves nobody who has an arm already.';
  return `Saving moves ${sayShare(moved)} of all people to another arm, or to none.`;
}
