export type { LockInfo } from '../../../server/core/locks/lock-view.ts';
export { lockHandle, type LockHandle, type LockStatus } from './lock-handle.ts';
export { watchLocks, type LockListState } from './lock-list.ts';
