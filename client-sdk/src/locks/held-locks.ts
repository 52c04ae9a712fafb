/** The code of locks that are held, of campaigns and of jobs: loaded, as one file, with the first of them. */
export { locksOf } from './campaign-locks.ts';
export { lockJob } from './job-lock.ts';
