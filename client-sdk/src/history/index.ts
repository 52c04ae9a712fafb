export { campaignHistory, type HistoryOptions, type HistoryView } from './campaign-history.ts';
