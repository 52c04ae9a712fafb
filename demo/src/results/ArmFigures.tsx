import { trpc, useCampaignSnapshot } from '@campaign-state/client/react';
import { sayCount, sayMean } from './say-figures.ts';

/** How often it is asked, in milliseconds: small figures beside a form; the live ones are in a tab of their own. */
const REFETCH_MS = 10_000;

/** The arms of a rule in a line: people, and the first metric. Nothing before anybody was seen. */
export function ArmFigures({ rule }: { rule: string }) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const { data } = trpc.analytics.results.useQuery({ campaignId, rule }, { refetchInterval: REFETCH_MS, retry: false });
  if (!data || data.arms.every(({ units }) => units === 0)) return undefined;
  const [name, metric] = Object.entries(data.metrics)[0] ?? [];
  return (
    <ul className="arm-figures" aria-label={`What was counted of ${rule}`}>
      {data.arms.map(({ arm, units }) => {
        const found = metric?.arms.find((one) => one.arm === arm);
        return (
          <li key={arm}>
            <b dir="auto">{arm}</b> {sayCount(units)} people
            {metric && found && `, ${name ?? ''} ${sayMean(metric, found)}`}
          </li>
        );
      })}
    </ul>
  );
}
