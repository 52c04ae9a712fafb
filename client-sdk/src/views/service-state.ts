import type { CampaignView } from '../document.ts';
import type { CampaignError } from '../errors.ts';
import type {
  Campaign,
  CampaignClient,
  CampaignLoadStatus,
  CampaignSnapshot,
  ConnectionState,
  Readable,
} from '../types.ts';

/** The state of a service as one object: document, connection and pending edits. */
export interface ServiceState {
  readonly state: CampaignView;
  readonly status: CampaignLoadStatus;
  /** The link to the server. */
  readonly connection: ConnectionState;
  /** Edits that the server has not accepted yet. */
  readonly pendingCount: number;
  readonly error: CampaignError | undefined;
}

/** The two stores as one; read it with `shallowEqual`. */
export function serviceState(
  { connection }: Pick<CampaignClient, 'connection'>,
  campaign: Campaign,
): Readable<ServiceState> {
  return {
    getSnapshot: () => serviceOf(campaign.getSnapshot(), connection.getSnapshot()),
    getInitialSnapshot: () => serviceOf(campaign.getInitialSnapshot(), connection.getInitialSnapshot()),
    subscribe(listener) {
      const stops = [campaign.subscribe(listener), connection.subscribe(listener)];
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}

function serviceOf({ state, status, error, sync }: CampaignSnapshot, connection: ConnectionState): ServiceState {
  return { state, status, error, pendingCount: sync.pendingCount, connection };
}
