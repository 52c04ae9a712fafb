import { trpc, useCampaignClient } from '@campaign-state/client/react';
import { useState } from 'react';
import { Ago } from '../history/Ago.tsx';
import { sayCount } from './say-amounts.ts';
import { sayRefusal, type Refused } from '../status/say-refusal.ts';

/** Whether the history is as it was written: the result of the last verification, and one of this campaign now. */
export function Verification({ campaignId }: { campaignId: string | undefined }) {
  const client = useCampaignClient();
  const last = trpc.audit.lastVerification.useQuery(undefined, { retry: false });
  const [state, setState] = useState<'idle' | 'busy' | { error: Refused }>('idle');

  async function verify(): Promise<void> {
    if (campaignId === undefined) return;
    setState('busy');
    try {
      await client.trpc.audit.verify.query({ campaignId });
      await last.refetch();
      setState('idle');
    } catch (error) {
      setState({ error: error instanceof Error ? error : new Error(String(error)) });
    }
  }

  const { data } = last;
  return (
    <section aria-label="Verification">
      <h3>Verification</h3>
      <p className="panel-intro">
        Every entry is chained to the one before it by its hash: what somebody changes in the database is found.
      </p>
      {last.isError && <p className="field-error">{sayRefusal(last.error)}</p>}
      {data === null && <p className="empty">Nothing has been verified on this instance since it started.</p>}
      {data && (
        <div role="status">
          <p>
            <strong className="verdict" data-sound={data.report.findings.length === 0}>
              {data.report.findings.length === 0 ? 'Everything fits.' : 'Something does not fit.'}
            </strong>{' '}
            {data.campaignIds ? data.campaignIds.join(', ') : 'All campaigns'},{' '}
            {sayCount(data.report.entries, 'entry', 'entries')}, <Ago at={data.at} />.{' '}
            {data.report.statements === undefined
              ? 'Nothing is signed (AUDIT_KEY).'
              : `${sayCount(data.report.statements, 'signed statement was', 'signed statements were')} held against it.`}
          </p>
          {data.report.findings.length > 0 && (
            <ul className="reasons">
              {data.report.findings.map((finding, index) => (
                <li key={index}>
                  <b>
                    {finding.campaignId}, v{finding.version}
                  </b>{' '}
                  {finding.problem}
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
      {typeof state === 'object' && (
        <p className="field-error" role="alert">
          {sayRefusal(state.error)}
        </p>
      )}
      <p className="section-buttons">
        <button type="button" disabled={state === 'busy' || campaignId === undefined} onClick={() => void verify()}>
          {state === 'busy' ? 'Verifying…' : 'Verify this campaign'}
        </button>
      </p>
    </section>
  );
}
