import { useState } from 'react';
import type { Entry } from '@campaign-state/client';
import { trpc, useCampaignClient, useCampaignSnapshot } from '@campaign-state/client/react';
import { ConfirmButton } from '../status/ConfirmButton.tsx';
import { broughtBy } from './brought-values.ts';

/** Takes values that entries have brought, or their comments, out of the history for good. */
export function RedactEntry({ entries }: { entries: readonly Entry[] }) {
  const client = useCampaignClient();
  const utils = trpc.useUtils();
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const epoch = useCampaignSnapshot((snapshot) => snapshot.position)?.split(':')[0];
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const parts = entries.flatMap(broughtBy);

  async function redact(): Promise<void> {
    try {
      for (const { key, version, path, comment } of parts) {
        if (!chosen.has(key)) continue;
        const what = { ...(path && { path: [...path] }), ...(comment && { comment }) };
        await client.trpc.audit.redact.mutate({ campaignId, position: `${epoch}:${version}`, ...what });
      }
    } finally {
      // Also where only some of it was done.
      await Promise.all([utils.campaign.invalidate(), utils.audit.invalidate()]);
    }
  }

  if (parts.length === 0 || epoch === undefined) return undefined;
  return (
    <ConfirmButton
      open="Redact…"
      title={`Redact ${sayVersions(entries)}`}
      effect="What you choose is gone for good, from the history and from every past version. That it was there stays, and that you have redacted it. What still stands in the document has to be removed there first."
      go="Redact for good"
      busyLabel="Redacting…"
      canGo={chosen.size > 0}
      opened={() => setChosen(new Set())}
      run={redact}
    >
      <fieldset className="redact-parts">
        <legend>What goes</legend>
        {parts.map(({ key, version, label, value }) => (
          <label key={key}>
            <input
              type="checkbox"
              checked={chosen.has(key)}
              onChange={({ target: { checked } }) =>
                setChosen((now) => new Set(checked ? [...now, key] : [...now].filter((other) => other !== key)))
              }
            />
            <span>
              <b>
                v{version} {label}
              </b>{' '}
              {value}
            </span>
          </label>
        ))}
      </fieldset>
    </ConfirmButton>
  );
}

function sayVersions(entries: readonly Entry[]): string {
  const [newest, oldest] = [entries[0]?.version, entries.at(-1)?.version];
  return newest === oldest ? `version ${newest}` : `versions ${oldest} to ${newest}`;
}
