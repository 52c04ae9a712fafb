export { startTracking, type GoalDetails, type Rendered, type Tracking, type TrackingOptions } from './tracking.ts';
export type { GoalName } from '../document.ts';
