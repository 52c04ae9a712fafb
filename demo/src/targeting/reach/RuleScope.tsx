import { useId } from 'react';
import { useCampaign } from '@campaign-state/client/react';
import type { RuleInput } from '@campaign-state/client/targeting';
import { FieldFrame } from '../../fields/FieldFrame.tsx';
import { RequiresField } from './RequiresField.tsx';
import type { RuleFault } from './rule-fault.ts';
import { ShareSlider } from './ShareSlider.tsx';
import { UnitFields } from './UnitFields.tsx';
import { sayShare } from './weights.ts';

/** How far a rule reaches among those who meet its condition: other rules, group, units, holdouts, share. */
export function RuleScope({
  name,
  rule,
  free,
  fault,
  set,
}: {
  name: string;
  rule: RuleInput;
  /** What it can claim of its group, from 0 to 1; `undefined` where it is in none. */
  free: number | undefined;
  fault: RuleFault | undefined;
  set: (rule: RuleInput) => void;
}) {
  const document = useCampaign((all) => all);
  const { rules = {}, groups = {}, holdouts = {} } = document;
  const others = Object.entries(rules).filter(([other]) => other !== name);
  const faultIn = (field: RuleFault['field']) => (fault?.field === field ? fault?.words : undefined);
  const group = rule.group === undefined ? undefined : groups[rule.group];
  const hasHoldouts = Object.keys(holdouts).length > 0 || rule.ignoresHoldouts === true;
  return (
    <>
      {(others.length > 0 || rule.requires) && (
        <RequiresField
          requires={rule.requires}
          rules={Object.fromEntries(others.map(([other, { arms }]) => [other, Object.keys(arms)]))}
          fault={faultIn('requires')}
          change={(requires) => set(withRequirement(rule, requires))}
        />
      )}
      {(Object.keys(groups).length > 0 || rule.group !== undefined) && (
        <GroupField
          group={rule.group}
          names={Object.keys(groups)}
          fault={faultIn('group')}
          change={(chosen) => set(withGroup(rule, chosen, chosen === undefined ? undefined : groups[chosen]))}
        />
      )}
      <fieldset disabled={group !== undefined}>
        <UnitFields
          line={rule}
          set={set}
          faults={{ unit: faultIn('unit'), fallbackUnit: faultIn('fallbackUnit') }}
          hint={
            group
              ? 'The group decides by which attribute.'
              : 'The attribute that decides: who has the same value sees the same.'
          }
        />
      </fieldset>
      {hasHoldouts && (
        <label className="check">
          <input
            type="checkbox"
            checked={rule.ignoresHoldouts === true}
            onChange={(event) => set({ ...rule, ignoresHoldouts: event.target.checked })}
          />
          <span>Reaches those in holdouts, too</span>
        </label>
      )}
      <ShareSlider
        label="How many of them"
        percent={Math.round(rule.coverage * 100)}
        says={sayShare(rule.coverage)}
        fault={faultIn('coverage')}
        hint={free === undefined ? undefined : `Up to ${sayShare(free)}: others of the group have the rest.`}
        change={(percent) => set({ ...rule, coverage: percent / 100 })}
      />
    </>
  );
}

function GroupField({
  group,
  names,
  fault,
  change,
}: {
  group: string | undefined;
  names: readonly string[];
  fault: string | undefined;
  change: (group: string | undefined) => void;
}) {
  const id = useId();
  return (
    <FieldFrame id={id} label="Never together with" error={fault === undefined ? undefined : new Error(fault)}>
      <select
        id={id}
        value={group ?? ''}
        aria-invalid={fault !== undefined}
        aria-describedby={`${id}-notes`}
        onChange={({ target: { value } }) => change(value === '' ? undefined : value)}
      >
        <option value="">no other rule in particular</option>
        {[...new Set([...names, ...(group === undefined ? [] : [group])])].map((one) => (
          <option key={one} value={one}>
            the others of {one}
          </option>
        ))}
      </select>
    </FieldFrame>
  );
}

function withRequirement(rule: RuleInput, requires: { rule: string; arms: readonly string[] } | undefined): RuleInput {
  const { requires: _before, ...others } = rule;
  return { ...others, ...(requires && { requires: { rule: requires.rule, arms: [...requires.arms] } }) };
}

/** A rule of a group divides by what the group does. */
function withGroup(
  rule: RuleInput,
  name: string | undefined,
  line: { readonly unit: string; readonly fallbackUnit?: string } | undefined,
): RuleInput {
  const { group: _group, fallbackUnit, ...others } = rule;
  if (name === undefined || !line) return { ...others, ...(fallbackUnit !== undefined && { fallbackUnit }) };
  const { unit } = line;
  return { ...others, group: name, unit, ...(line.fallbackUnit !== undefined && { fallbackUnit: line.fallbackUnit }) };
}
