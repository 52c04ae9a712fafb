import { useCampaign, useCampaignSnapshot } from '@campaign-state/client/react';
import type { Condition, HoldoutInput, RuleGroupInput, RuleInput } from '@campaign-state/client/targeting';
import { useGroupDrafts, useHoldoutDrafts, useRuleDrafts, useSegmentDrafts } from './drafts.ts';
import { ExplainViewer } from './ExplainViewer.tsx';
import { NamedList } from './NamedList.tsx';
import { RuleCard } from './RuleCard.tsx';
import { SegmentCard } from './SegmentCard.tsx';
import { GroupCard } from './reach/GroupCard.tsx';
import { HoldoutCard } from './reach/HoldoutCard.tsx';

/** Who sees what: rules with their arms, segments, groups and holdouts, and what they come to for somebody. */
export function TargetingPanel({ readOnly }: { readOnly: boolean }) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const { rules = {}, segments = {}, groups = {}, holdouts = {} } = useCampaign((document) => document);
  const ordered = Object.entries(rules).toSorted(([a, one], [b, other]) => one.order - other.order || (a < b ? -1 : 1));
  const ruleNames = [...ordered.map(([name]) => name), ...useRuleDrafts(campaignId)];
  const segmentNames = [...Object.keys(segments), ...useSegmentDrafts(campaignId)];
  const groupNames = [...Object.keys(groups), ...useGroupDrafts(campaignId)];
  const holdoutNames = [...Object.keys(holdouts), ...useHoldoutDrafts(campaignId)];
  const first: RuleInput = {
    order: Math.max(0, ...ordered.map(([, { order }]) => order)) + 1,
    status: 'draft',
    unit: 'userId',
    fallbackUnit: 'deviceId',
    coverage: 1,
    arms: { shown: { weight: 1, change: {} } },
  };
  return (
    <div className="targeting">
      <NamedList
        title="Rules"
        intro={
          ruleNames.length === 0
            ? 'Everybody sees the same page. A rule shows some of them another one: those in a segment, a share of all, or each arm of an experiment to a share of its own.'
            : 'They apply in this order, each on the result of those before it.'
        }
        names={ruleNames}
        addLabel="Add a rule"
        placeholder="Such as lower_price"
        readOnly={readOnly}
        card={({ name, ...card }) => (
          <RuleCard key={name} name={name} {...card} stored={rules[name]} first={first} readOnly={readOnly} />
        )}
      />
      <NamedList
        title="Segments"
        intro={
          segmentNames.length === 0
            ? 'A segment gives a condition a name, so that several rules can share it.'
            : undefined
        }
        names={segmentNames}
        addLabel="Add a segment"
        placeholder="Such as returning"
        readOnly={readOnly}
        card={({ name, ...card }) => (
          <SegmentCard key={name} name={name} {...card} stored={own<Segment>(segments[name])} readOnly={readOnly} />
        )}
      />
      <NamedList
        title="Groups"
        intro={
          groupNames.length === 0 ? 'Rules of a group exclude each other: nobody has arms of two of them.' : undefined
        }
        names={groupNames}
        addLabel="Add a group"
        placeholder="Such as checkout"
        readOnly={readOnly}
        card={({ name, ...card }) => (
          <GroupCard key={name} name={name} {...card} stored={own<RuleGroupInput>(groups[name])} readOnly={readOnly} />
        )}
      />
      <NamedList
        title="Holdouts"
        intro={
          holdoutNames.length === 0
            ? 'A holdout keeps a share of people out of all rules, to compare them with.'
            : undefined
        }
        names={holdoutNames}
        addLabel="Add a holdout"
        placeholder="Such as never"
        readOnly={readOnly}
        card={({ name, ...card }) => (
          <HoldoutCard
            key={name}
            name={name}
            {...card}
            stored={own<HoldoutInput>(cut(holdouts[name]))}
            readOnly={readOnly}
          />
        )}
      />
      <ExplainViewer />
    </div>
  );
}

interface Segment {
  readonly when: Condition;
}

/** A part of the document, whose type is read-only, as a form has it: JSON makes a copy of one's own. */
function own<T>(stored: object | undefined): T | undefined {
  return stored && JSON.parse(JSON.stringify(stored));
}

/** A holdout without its ranges, which the server cuts by the share. */
function cut(stored: object | undefined): object | undefined {
  return stored && { ...stored, ranges: undefined };
}
