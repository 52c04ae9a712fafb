import { z } from 'zod';
import type { CampaignStatus, ConfigSection } from '../core/campaign.ts';
import type { ConfigMode, FeaturesAction, Mutation, MutationOptions, SimpleCommand } from '../core/command.ts';
import type { Position } from '../core/entry.ts';
import type { JsonObject } from '../core/json.ts';
/**
 * What the procedures take. The types are written out and the schemas held to them, so that the SDK's declarations name no zod.
 * Unknown members are ignored: an older server must understand what a newer client adds.
 */
export interface CampaignInput {
    campaignId: string;
}
export interface UpdateInput extends CampaignInput, MutationOptions {
    updates: JsonObject;
}
export interface UpdateFeaturesInput extends CampaignInput, MutationOptions {
    features: string[];
    action: FeaturesAction;
}
export interface UpdateConfigInput extends CampaignInput, MutationOptions {
    section: ConfigSection;
    value: JsonObject;
    mode?: ConfigMode;
}
export interface BatchInput extends CampaignInput, MutationOptions {
    commands: SimpleCommand[];
}
export interface RollbackInput extends CampaignInput, MutationOptions {
    toVersion: number;
}
/** `archive` and `restore`. */
export interface LifecycleInput extends CampaignInput, MutationOptions {
}
export interface CreateInput extends CampaignInput, MutationOptions {
    state: JsonObject;
}
export interface PushInput extends CampaignInput {
    mutations: Mutation[];
}
export interface ListInput {
    cursor?: string;
    limit?: number;
    status?: CampaignStatus;
}
export interface HistoryInput extends CampaignInput {
    cursor?: number;
    limit?: number;
}
export interface AtInput extends CampaignInput {
    version: number;
}
export interface DiffInput extends CampaignInput {
    from: number;
    to: number;
}
export interface WhenDurableInput extends CampaignInput {
    position: Position;
}
export interface WatchInput {
    /** Without it: the server's default campaign. */
    campaignId?: string;
    /** Where to go on; the client's link sets it after a reconnect. */
    lastEventId?: string;
    /** Also tells up to where all is committed. */
    receipts?: boolean;
}
export interface AuthenticateInput {
    token: string;
}
export declare const updateInput: z.ZodType<UpdateInput>;
export declare const updateFeaturesInput: z.ZodType<UpdateFeaturesInput>;
export declare const updateConfigInput: z.ZodType<UpdateConfigInput>;
export declare const batchInput: z.ZodType<BatchInput>;
export declare const rollbackInput: z.ZodType<RollbackInput>;
export declare const lifecycleInput: z.ZodType<LifecycleInput>;
export declare const createInput: z.ZodType<CreateInput>;
export declare const pushInput: z.ZodType<PushInput>;
export declare const campaignInput: z.ZodType<CampaignInput>;
export declare const listInput: z.ZodType<ListInput | undefined>;
export declare const historyInput: z.ZodType<HistoryInput>;
export declare const atInput: z.ZodType<AtInput>;
export declare const diffInput: z.ZodType<DiffInput>;
export declare const whenDurableInput: z.ZodType<WhenDurableInput>;
export declare const watchInput: z.ZodType<WatchInput | undefined>;
export declare const authenticateInput: z.ZodType<AuthenticateInput>;
