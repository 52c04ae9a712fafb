import { useState } from 'react';
import { useCampaign, useCampaignSnapshot } from '@campaign-state/client/react';
import type { Condition, RuleInput } from '@campaign-state/client/targeting';
import { AddNamed } from './AddNamed.tsx';
import { useRuleDrafts, useSegmentDrafts } from './drafts.ts';
import { ExplainViewer } from './ExplainViewer.tsx';
import { RuleCard } from './RuleCard.tsx';
import { SegmentCard } from './SegmentCard.tsx';

/** Who sees what: rules with their arms, segments, and what they come to for somebody. */
export function TargetingPanel({ readOnly }: { readOnly: boolean }) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const rules = useCampaign((document) => document.rules) ?? {};
  const segments = useCampaign((document) => document.segments) ?? {};
  const [newRules, setNewRules] = useState<readonly string[]>([]);
  const [newSegments, setNewSegments] = useState<readonly string[]>([]);
  const ordered = Object.entries(rules).toSorted(([a, one], [b, other]) => one.order - other.order || (a < b ? -1 : 1));
  const ruleNames = [...new Set([...ordered.map(([name]) => name), ...useRuleDrafts(campaignId), ...newRules])];
  const segmentNames = [...new Set([...Object.keys(segments), ...useSegmentDrafts(campaignId), ...newSegments])];
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
      <section aria-label="Rules">
        <h3>Rules</h3>
        {ruleNames.length === 0 ? (
          <p className="panel-intro">
            Everybody sees the same page. A rule shows some of them another one: those in a segment, a share of all, or
            each arm of an experiment to a share of its own.
          </p>
        ) : (
          <p className="panel-intro">They apply in this order, each on the result of those before it.</p>
        )}
        <div className="sections">
          {ruleNames.map((name) => (
            <RuleCard
              key={name}
              name={name}
              stored={rules[name]}
              first={first}
              isOpenAtFirst={newRules.includes(name)}
              readOnly={readOnly}
              removed={() => setNewRules(newRules.filter((other) => other !== name))}
            />
          ))}
        </div>
        {!readOnly && (
          <AddNamed
            label="Add a rule"
            placeholder="Such as lower_price"
            taken={ruleNames}
            add={(name) => setNewRules([...newRules, name])}
          />
        )}
      </section>
      <section aria-label="Segments">
        <h3>Segments</h3>
        {segmentNames.length === 0 && (
          <p className="panel-intro">A segment gives a condition a name, so that several rules can share it.</p>
        )}
        <div className="sections">
          {segmentNames.map((name) => (
            <SegmentCard
              key={name}
              name={name}
              stored={conditionOfSegment(segments[name])}
              isOpenAtFirst={newSegments.includes(name)}
              readOnly={readOnly}
              removed={() => setNewSegments(newSegments.filter((other) => other !== name))}
            />
          ))}
        </div>
        {!readOnly && (
          <AddNamed
            label="Add a segment"
            placeholder="Such as returning"
            taken={segmentNames}
            add={(name) => setNewSegments([...newSegments, name])}
          />
        )}
      </section>
      <ExplainViewer />
    </div>
  );
}

/** A segment of the document, whose type is read-only, as a form has it. */
function conditionOfSegment(stored: object | undefined): { readonly when: Condition } | undefined {
  return stored && JSON.parse(JSON.stringify(stored));
}
