import { useEffect, useMemo, useRef, useState } from 'react';
import { trpc, useCampaign, useCampaignSnapshot } from '@campaign-state/client/react';
import { groupUse, previewRule, RULE_STATUSES, type Arm, type RuleInput } from '@campaign-state/client/targeting';
import type { Replacement } from '../drafts.ts';
import { AddNamed } from '../fields/AddNamed.tsx';
import { Choice } from '../fields/Choice.tsx';
import { ConfirmButton } from '../status/ConfirmButton.tsx';
import { ArmCard } from './ArmCard.tsx';
import { ConditionBuilder } from './ConditionBuilder.tsx';
import type { RuleDraft } from './drafts.ts';
import { GuardForm } from './measures/GuardForm.tsx';
import { MetricsForm } from './measures/MetricsForm.tsx';
import { RampForm } from './measures/RampForm.tsx';
import { faultOfName } from './names.ts';
import { faultOfRule } from './rule-fault.ts';
import { RuleScope } from './reach/RuleScope.tsx';
import { sayShare, shareOf, withShare } from './reach/weights.ts';

/** Everything of one rule. Nothing is shown to anybody before it is saved: before that it says who would move. */
export function RuleForm({
  name,
  rule,
  draft,
  stored,
  setDraft,
  removed,
}: {
  name: string;
  /** As it is edited. */
  rule: RuleInput;
  draft: RuleDraft | undefined;
  /** As it stands, as JSON; `undefined` for one that is not there yet. */
  stored: string | undefined;
  setDraft: (draft: Replacement<RuleDraft>) => void;
  removed: () => void;
}) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const document = useCampaign((all) => all);
  const segments = useCampaign((all) => all.segments);
  const save = trpc.campaign.updateRule.useMutation();
  const ship = trpc.campaign.shipRule.useMutation();
  const preview = useMemo(() => previewRule(document, name, rule), [document, name, rule]);
  const [discards, setDiscards] = useState(0);
  function discard(): void {
    setDiscards(discards + 1);
    save.reset();
    if (stored === undefined) removed();
    else setDraft(undefined);
  }
  const setRule = (next: RuleInput) => setDraft({ rule: next, base: draft ? draft.base : stored });
  const edit = (part: Partial<RuleInput>) => setRule({ ...rule, ...part });
  const storedNow = useRef(stored);
  useEffect(() => {
    storedNow.current = stored;
  }, [stored]);
  /** What was edited while it was saved stays, on what is stored by then. */
  function onSaved(saved: RuleInput): void {
    setDraft((latest) =>
      latest === undefined || latest.rule === saved ? undefined : { ...latest, base: storedNow.current },
    );
  }
  const setArms = (arms: Record<string, Arm>) => edit({ arms });
  const arms = Object.entries(rule.arms);
  const use = rule.group === undefined ? undefined : groupUse(document, rule.group);
  const fault = save.error ? faultOfRule(save.error, name, use && use.free + (use.rules[name] ?? 0)) : undefined;
  const isStale = draft !== undefined && draft.base !== stored;

  return (
    <div className="rule-form">
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
      <RuleScope name={name} rule={rule} fault={fault} set={setRule} />
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
                draft || stored === undefined || rule.status === 'ended'
                  ? undefined
                  : () => ship.mutateAsync({ campaignId, key: name, winner: arm })
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
        {draft && (
          <p className="moved" role="status">
            {sayMoved(preview.moved)}
          </p>
        )}
        {isStale && (
          <p className="field-conflict">
            Somebody else has changed this rule since you began. Saving overwrites what they did.{' '}
            <button type="button" className="small" onClick={discard}>
              Take theirs
            </button>
          </p>
        )}
        {fault && (
          <p className="field-error" role="alert">
            {fault.words}
          </p>
        )}
        <p className="section-buttons">
          <button
            type="button"
            className="primary"
            disabled={!draft || save.isPending}
            onClick={() => save.mutate({ campaignId, key: name, rule }, { onSuccess: () => onSaved(rule) })}
          >
            {save.isPending ? 'Saving…' : 'Save'}
          </button>
          {draft && (
            <button type="button" onClick={discard}>
              Discard
            </button>
          )}
          {stored !== undefined && (
            <ConfirmButton
              open="Remove…"
              title={`Remove the rule “${name}”?`}
              effect="Whoever has one of its arms sees the campaign without it, at once."
              go="Remove it"
              run={() => save.mutateAsync({ campaignId, key: name, rule: null }).then(removed)}
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
