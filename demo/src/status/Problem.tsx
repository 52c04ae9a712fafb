import type { CampaignError } from '@campaign-state/client';

/** Something that cannot be shown, and why. */
export function Problem({ title, error }: { title: string; error: Pick<CampaignError, 'message'> | undefined | null }) {
  return (
    <div className="problem" role="alert">
      <h2>{title}</h2>
      {error && <p>{error.message}</p>}
    </div>
  );
}
