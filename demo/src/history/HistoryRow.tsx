import { memo } from 'react';
import { useAccess } from '@campaign-state/client/react';
import type { Entry } from '@campaign-state/client';
import { Ago } from './Ago.tsx';
import { Comparison } from './Comparison.tsx';
import { CopyVersion } from './CopyVersion.tsx';
import { setPreview, usePreview } from './preview.ts';
import { describeChange } from './describe-change.ts';
import { Difference } from './Difference.tsx';
import type { EntryGroup } from './group-entries.ts';
import { RedactEntry } from './RedactEntry.tsx';
import { RestoreVersion } from './RestoreVersion.tsx';

/**
 * One row of the history: who, what, when; the difference when it is opened; the way back to it. Drawn anew only when
 * something of it has changed.
 */
export const HistoryRow = memo(function HistoryRow({
  group,
  isCurrent,
  readOnly,
  isOpen,
  isInTabOrder,
  toggle,
}: {
  group: EntryGroup<Entry>;
  isCurrent: boolean;
  readOnly: boolean;
  isOpen: boolean;
  /** One row of the list is reached by Tab, the others by the arrow keys. */
  isInTabOrder: boolean;
  toggle: (key: number, isOpen: boolean) => void;
}) {
  const { newest, oldest, entries } = group;
  const { mayAdminister } = useAccess();
  const previewed = usePreview();
  const tabIndex = isInTabOrder ? 0 : -1;
  return (
    <>
      <details open={isOpen} onToggle={(event) => toggle(group.key, event.currentTarget.open)}>
        <summary tabIndex={tabIndex}>
          <span className="history-version">v{newest.version}</span>
          <span className="history-what">
            <Summary group={group} />
          </span>
          <span className="history-who">
            {newest.actor.id} · <Ago at={newest.at} />
            {entries.length > 1 && ` · ${entries.length} strokes`}
          </span>
          {newest.comment !== undefined && (
            <q className="history-comment" dir="auto">
              {newest.comment}
            </q>
          )}
        </summary>
        {isOpen && (
          <>
            <Difference from={oldest.version - 1} to={newest.version} created={newest.change} />
            <Redacted entries={entries} />
            <p className="history-buttons">
              <button
                type="button"
                className="small"
                aria-pressed={previewed === newest.version}
                onClick={() => setPreview(previewed === newest.version ? undefined : newest.version)}
              >
                Preview
              </button>
              <Comparison version={newest.version} />
              {mayAdminister && <CopyVersion version={newest.version} />}
              {mayAdminister && <RedactEntry entries={entries} />}
            </p>
          </>
        )}
      </details>
      {isCurrent ? (
        <span className="history-now">now</span>
      ) : (
        <RestoreVersion version={newest.version} disabled={readOnly} tabIndex={tabIndex} />
      )}
    </>
  );
});

/** What was taken out of these entries, and by whom. */
function Redacted({ entries }: { entries: readonly Entry[] }) {
  return entries
    .flatMap(({ version, redacted = [] }) => redacted.map((each) => ({ ...each, version })))
    .map(({ version, path, comment, by, at }) => (
      <p key={`${version} ${JSON.stringify(path)} ${at}`} className="redacted">
        <b>{[path?.join('.'), comment && 'the comment'].filter(Boolean).join(' and ')}</b> of v{version}: redacted by{' '}
        {by}, <Ago at={at} />
      </p>
    ));
}

const NAMED: Readonly<Record<string, string>> = {
  create: 'created the campaign',
  rollback: 'went back',
  archive: 'archived it',
  restore: 'opened it again',
};

function Summary({ group: { newest } }: { group: EntryGroup<Entry> }) {
  const named = NAMED[newest.type];
  if (named !== undefined) return named;
  const [first, ...rest] = describeChange(undefined, newest.change);
  if (!first) return 'nothing';
  if (rest.length > 0) return `${first.path} and ${rest.length} more`;
  const after = first.kind === 'value' ? first.after : undefined;
  return (
    <>
      {first.path} {after !== undefined && <q>{after}</q>}
    </>
  );
}
