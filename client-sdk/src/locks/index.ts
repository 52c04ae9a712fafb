export type { ListedLock, LockInfo } from '../../../server/core/locks/lock-view.ts';
export { lockHandle, type LockHandle, type LockStatus } from './lock-handle.ts';
export { lockInTheWay, watchLocks, type LockListState } from './lock-list.ts';
