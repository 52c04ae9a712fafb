export { campaignAccess, type AccessOptions } from './campaign-access.ts';
export type { AccessView } from './access.ts';
