import { useState } from 'react';
import type { CampaignView } from '@campaign-state/client';
import { armChange, documentOfArm, type Arm, type ArmChange } from '@campaign-state/client/targeting';
import { ContentPanel } from '../editing/ContentPanel.tsx';
import { FeaturesPanel } from '../editing/FeaturesPanel.tsx';
import { Tabs } from '../editing/Tabs.tsx';
import { ThemePanel } from '../editing/ThemePanel.tsx';
import { LocalDocumentProvider } from '../fields/local-document.ts';
import { ShareSlider } from './reach/ShareSlider.tsx';
import { ConfirmButton } from '../status/ConfirmButton.tsx';
import { commentOf, WhyField } from '../status/WhyField.tsx';

/** One arm of a rule: its share, what it changes, and the way to make it everybody's. */
export function ArmCard({
  name,
  arm,
  document,
  percent,
  says,
  isAlone,
  ship,
  setShare,
  setChange,
  remove,
}: {
  name: string;
  arm: Arm;
  document: CampaignView;
  /** Of those who are covered, from 0 to 100. */
  percent: number;
  /** What it gets of everybody. */
  says: string;
  isAlone: boolean;
  /** Absent while the rule has changes that are not saved. */
  ship: ((options: { readonly comment?: string }) => Promise<unknown>) | undefined;
  setShare: (percent: number) => void;
  setChange: (change: ArmChange) => void;
  remove: () => void;
}) {
  const [isOpen, setOpen] = useState(false);
  const [why, setWhy] = useState('');
  const places = placesOf(arm.change);
  return (
    <li className="arm">
      <header>
        <h4 dir="auto">{name}</h4>
        <span className="arm-buttons">
          <ConfirmButton
            open={`Ship ${name}…`}
            title={`Give “${name}” to everybody?`}
            effect="What it changes becomes part of the campaign, and the rule ends. It is one version of the history, and can be taken back from there."
            go="Ship it"
            disabled={!ship}
            opened={() => setWhy('')}
            run={() => (ship ?? nothing)(commentOf(why))}
          >
            <WhyField why={why} change={setWhy} />
          </ConfirmButton>
          {!isAlone && (
            <button type="button" className="small" aria-label={`Remove arm ${name}`} onClick={remove}>
              ×
            </button>
          )}
        </span>
      </header>
      {!isAlone && <ShareSlider label={`Share of ${name}`} percent={percent} says={says} change={setShare} />}
      <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          {places.length === 0 ? 'Changes nothing yet' : `Changes ${places.join(', ')}`}
          <span className="text-button">{isOpen ? 'Close' : 'Edit'}</span>
        </summary>
        {isOpen && (
          <LocalDocumentProvider
            value={{
              state: documentOfArm(document, arm.change),
              change: (next) => setChange(armChange(document, next)),
            }}
          >
            <Tabs
              label={`What ${name} changes`}
              tabs={[
                { name: 'Content', panel: () => <div className="fields">{<ContentPanel readOnly />}</div> },
                { name: 'Features', panel: () => <div className="fields">{<FeaturesPanel readOnly />}</div> },
                { name: 'Theme', panel: () => <div className="fields">{<ThemePanel readOnly />}</div> },
              ]}
            />
          </LocalDocumentProvider>
        )}
      </details>
    </li>
  );
}

const nothing = () => Promise.resolve();

/** The places that an arm changes, as people read them. */
function placesOf({ merge = {}, remove = [], features }: ArmChange): string[] {
  const set = leavesOf(merge, []);
  const removed = remove.map((path) => `no ${path.join('.')}`);
  const more = [
    ...(features?.add ?? []).map((name) => `+ ${name}`),
    ...(features?.remove ?? []).map((name) => `− ${name}`),
  ];
  return [...set, ...removed, ...more];
}

function leavesOf(value: Readonly<Record<string, unknown>>, at: readonly string[]): string[] {
  return Object.entries(value).flatMap(([key, inner]) => {
    const isDeeper = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
    const path = [...at, key];
    return isDeeper && Object.keys(inner).length > 0
      ? leavesOf(Object.fromEntries(Object.entries(inner)), path)
      : [path.join('.')];
  });
}
