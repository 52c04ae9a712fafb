export { CampaignTestProvider, type CampaignTestProviderProps } from './provider.tsx';
export * from './vanilla.ts';
