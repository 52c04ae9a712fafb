import { useEffect, useMemo } from 'react';
import { whyOf, type FlagReason } from '../../../../server/core/flags.ts';
import type { Assignment, Assignments } from '../../../../server/core/targeting/evaluate.ts';
import { activeTracking } from '../../analytics/active-tracking.ts';
import type { GoalDetails, Rendered } from '../../analytics/tracking.ts';
import type { FeatureName, GoalName } from '../../document.ts';
import type { CampaignClient, CampaignSnapshot } from '../../types.ts';
import { useCampaignClient, useCampaignHandle } from '../provider/context.ts';
import type { CampaignHookOptions } from '../types.ts';
import { shallowEqual } from '../../views/shallow-equal.ts';
import { useSelected } from '../use-selected.ts';

export type { FlagReason } from '../../../../server/core/flags.ts';
export type { Assignment, Assignments } from '../../../../server/core/targeting/evaluate.ts';

/** Options of {@link useExperiment}. */
export interface ExperimentOptions extends CampaignHookOptions {
  /**
   * `'page'`: what was shown first stays as long as the page lives, so that nothing changes under a thumb: not by an
   * edit of the rule, and not by a login. Default: the arm follows the rule at once.
   */
  readonly hold?: 'page' | undefined;
}

/** What {@link useExperiment} returns. */
export interface Experiment {
  /** The viewer's arm; `undefined` where it has none, and while that is pending at first. */
  readonly arm: string | undefined;
  /** Why; `undefined` where the rule does not reach the viewer. */
  readonly reason: Assignment['reason'] | undefined;
  /** Whether the server has not said yet what this viewer sees. */
  readonly isPending: boolean;
}

/** What is held while the page lives, by client, and there by campaign and rule. */
const held = new WeakMap<CampaignClient, Map<string, Rendered | undefined>>();

/**
 * The arm of a rule that the viewer has. Renders only when that changes. What the arm changes in the document is in the
 * document already; this is for what an arm is called: other code, or a measurement. Where tracking was started
 * (`startTracking`), it tells by itself that the arm is shown.
 *
 * @example const { arm } = useExperiment('price', { hold: 'page' });
 */
export function useExperiment(rule: string, options: ExperimentOptions = {}): Experiment {
  const { campaignId, enabled, hold } = options;
  const client = useCampaignClient();
  const select = useMemo(
    () =>
      (snapshot: CampaignSnapshot): Experiment => {
        const isPending = isPendingIn(snapshot);
        const shown = hold === 'page' ? heldIn(client, snapshot, rule) : renderedIn(snapshot, rule);
        return { arm: shown?.assignment.arm, reason: shown?.assignment.reason, isPending };
      },
    [client, rule, hold],
  );
  const campaign = useCampaignHandle(campaignId);
  const experiment = useSelected(campaign, select, { isEqual: shallowEqual, enabled });
  const { arm, isPending } = experiment;
  useEffect(() => {
    if (arm === undefined || isPending || enabled === false) return;
    const snapshot = campaign.getSnapshot();
    const shown = hold === 'page' ? heldIn(client, snapshot, rule) : renderedIn(snapshot, rule);
    // What has changed since the render is told by the render that shows it.
    if (shown?.assignment.arm === arm) activeTracking.get(client)?.tracking.expose(rule, snapshot.campaignId, shown);
  }, [client, campaign, rule, hold, arm, isPending, enabled]);
  return experiment;
}

/**
 * Tells the server of what the viewer does, where tracking was started; else nothing. Stable.
 *
 * @example const track = useTrack(); <button onClick={() => track('lead')}>Sign up</button>
 */
export function useTrack({ campaignId }: Pick<CampaignHookOptions, 'campaignId'> = {}): (
  name: GoalName,
  details?: GoalDetails,
) => void {
  const client = useCampaignClient();
  const campaign = useCampaignHandle(campaignId);
  return useMemo(
    () => (name: GoalName, details?: GoalDetails) =>
      activeTracking.get(client)?.tracking.track(name, { campaignId: campaign.getSnapshot().campaignId, ...details }),
    [client, campaign],
  );
}

function heldIn(client: CampaignClient, snapshot: CampaignSnapshot, rule: string): Rendered | undefined {
  const key = `${snapshot.campaignId}/${rule}`;
  const told = renderedIn(snapshot, rule);
  const ofClient = held.get(client) ?? new Map<string, Rendered | undefined>();
  if (ofClient.has(key)) return ofClient.get(key);
  if (!isPendingIn(snapshot)) {
    ofClient.set(key, told);
    held.set(client, ofClient);
  }
  return told;
}

function renderedIn({ assignments, position }: CampaignSnapshot, rule: string): Rendered | undefined {
  const assignment = Object.hasOwn(assignments, rule) ? assignments[rule] : undefined;
  return assignment && position !== undefined ? { assignment, position } : undefined;
}

function isPendingIn({ position, isViewerPending }: CampaignSnapshot): boolean {
  return position === undefined || isViewerPending;
}

/**
 * What the viewer has been told of all rules, by rule; those that do not reach it are not in it.
 *
 * @example const arms = useAssignments(); // { price: { arm: 'high', reason: 'SPLIT', phase: 1 } }
 */
export function useAssignments({ campaignId, enabled }: CampaignHookOptions = {}): Readonly<Assignments> {
  return useSelected(useCampaignHandle(campaignId), assignmentsIn, { enabled });
}

function assignmentsIn({ assignments }: CampaignSnapshot): Readonly<Assignments> {
  return assignments;
}

/** What {@link useFeatureDetails} returns. */
export interface FeatureDetails {
  readonly isOn: boolean;
  /** The viewer's arm in the rule of the feature's name. */
  readonly variant: string | undefined;
  readonly reason: FlagReason;
  readonly isPending: boolean;
}

/**
 * Whether a feature is on, and why.
 *
 * @example const { isOn, variant, reason } = useFeatureDetails('leaderboard');
 */
export function useFeatureDetails(
  name: FeatureName,
  { campaignId, enabled }: CampaignHookOptions = {},
): FeatureDetails {
  const select = useMemo(
    () =>
      (snapshot: CampaignSnapshot): FeatureDetails => {
        const { reason, variant } = whyOf({ state: {}, assignments: snapshot.assignments }, name);
        const isOn = snapshot.state.features?.includes(name) ?? false;
        return { isOn, variant, reason, isPending: isPendingIn(snapshot) };
      },
    [name],
  );
  return useSelected(useCampaignHandle(campaignId), select, { isEqual: shallowEqual, enabled });
}
