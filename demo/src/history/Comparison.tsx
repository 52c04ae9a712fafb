import { useId, useState } from 'react';
import { diff, type JsonObject } from '@campaign-state/client';
import { trpc, useCampaignSnapshot } from '@campaign-state/client/react';
import { Choice } from '../fields/Choice.tsx';
import { sayRefusal } from '../status/say-refusal.ts';
import { DialogButton } from '../ways/DialogButton.tsx';
import { describeChange, type ChangedLine } from './describe-change.ts';
import { VersionPage } from './VersionPage.tsx';

const VIEWS = ['fields', 'page'] as const;

/** Opens two versions side by side: any two, to begin with this one and the present one. */
export function Comparison({ version }: { version: number }) {
  return (
    <DialogButton words="Compare…" title="Two versions side by side">
      <Versions first={version} />
    </DialogButton>
  );
}

function Versions({ first }: { first: number }) {
  const present = useCampaignSnapshot((snapshot) => snapshot.version);
  const [left, setLeft] = useState(first);
  const [right, setRight] = useState(present);
  const [view, setView] = useState<(typeof VIEWS)[number]>('fields');
  return (
    <>
      <div className="comparison-choice">
        <VersionNumber label="Left" version={left} present={present} choose={setLeft} />
        <VersionNumber label="Right" version={right} present={present} choose={setRight} />
        <Choice label="As" value={view} options={VIEWS} choose={setView} />
      </div>
      {view === 'fields' ? (
        <Fields left={left} right={right} />
      ) : (
        <div className="comparison-pages">
          {[left, right].map((version, index) => (
            <section key={index} aria-label={`${index === 0 ? 'Left' : 'Right'}: the page of version ${version}`}>
              <h3>v{version}</h3>
              {/* To be looked at: two pages of one kind cannot be told apart by ear, and the fields say the same. */}
              <div className="page-frame" inert>
                <VersionPage version={version} />
              </div>
            </section>
          ))}
        </div>
      )}
    </>
  );
}

function VersionNumber({
  label,
  version,
  present,
  choose,
}: {
  label: string;
  version: number;
  present: number;
  choose: (version: number) => void;
}) {
  const id = useId();
  return (
    <div className="field">
      <div className="field-head">
        <label htmlFor={id}>{label}, version</label>
      </div>
      <input
        id={id}
        type="number"
        min={1}
        max={present}
        value={version}
        onChange={(event) => {
          const next = event.target.valueAsNumber;
          if (Number.isInteger(next) && next >= 1 && next <= present) choose(next);
        }}
      />
    </div>
  );
}

function Fields({ left, right }: { left: number; right: number }) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const [one, other] = [left, right].map((version) => ({ campaignId, version }));
  const before = trpc.campaign.at.useQuery(one ?? { campaignId, version: left }, { staleTime: Infinity });
  const after = trpc.campaign.at.useQuery(other ?? { campaignId, version: right }, { staleTime: Infinity });
  const error = before.error ?? after.error;
  if (error) return <p className="field-error">{sayRefusal(error)}</p>;
  if (!before.data || !after.data) return <p className="empty">Reading both versions…</p>;
  // States are JSON; their type says `unknown` where they are open.
  const lines = describeChange(
    before.data.state,
    diff(before.data.state as JsonObject, after.data.state as JsonObject),
  );
  if (lines.length === 0) return <p className="empty">Both say the same.</p>;
  return (
    <table className="comparison-fields">
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">v{left}</th>
          <th scope="col">v{right}</th>
        </tr>
      </thead>
      <tbody>
        {lines.map((line) => (
          <tr key={line.path}>
            <th scope="row">{line.path}</th>
            <td>{oldOf(line) !== '' && <del>{oldOf(line)}</del>}</td>
            <td>{newOf(line) !== '' && <ins>{newOf(line)}</ins>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function oldOf(line: ChangedLine): string {
  return (line.kind === 'set' ? line.removed.join(', ') : line.before) ?? '';
}

function newOf(line: ChangedLine): string {
  if (line.kind === 'value') return line.after ?? '';
  return line.added.length + line.removed.length === 0 ? 'another order' : line.added.join(', ');
}
