export {
  campaignStore,
  conflictsStore,
  connectionStore,
  featureStore,
  readableStore,
  serviceStore,
  syncStore,
  undoStore,
  type SvelteStore,
} from './stores.ts';
export { editStore, pacedStore, type PacedStore } from './edits.ts';
export type { ConflictsView, SyncView, UndoView } from '../views/campaign-views.ts';
export type { EditView } from '../views/edit-outcome.ts';
export { watchLostConnection, type LostConnectionOptions } from '../views/lost-connection.ts';
export type { ServiceState } from '../views/service-state.ts';
export { shallowEqual } from '../views/shallow-equal.ts';
