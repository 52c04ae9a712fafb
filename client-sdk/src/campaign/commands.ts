import type { ConfigSection } from '../../../server/core/document/campaign.ts';
import type {
  ConfigMode,
  EditCommand,
  FeaturesAction,
  SimpleCommand,
  UpdateCommand,
} from '../../../server/core/commands/command.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { cleanJson } from '../../../server/core/document/plain-json.ts';
import type { FeatureName } from '../document.ts';
import { CampaignError } from '../errors.ts';
import type { BatchBuilder, Campaign, Change, EditOptions } from '../types.ts';

/**
 * The command that an app asked for, or why there is none. Content is copied, so that what the app does to its objects
 * later changes nothing here, and held to plain JSON at once: what could not travel is refused where it was written.
 */
export type BuiltCommand<C extends EditCommand = EditCommand> = C | CampaignError;

export function updateCommand(updates: object): BuiltCommand<UpdateCommand> {
  const copy = copyJson(updates, 'updates');
  return copy instanceof CampaignError ? copy : { type: 'update', updates: copy };
}

function featuresCommand(features: readonly FeatureName[], action: FeaturesAction): BuiltCommand<SimpleCommand> {
  return { type: 'updateFeatures', features: [...features], action };
}

function configCommand(
  section: ConfigSection,
  value: object,
  mode: ConfigMode | undefined,
): BuiltCommand<SimpleCommand> {
  const copy = copyJson(value, 'value');
  return copy instanceof CampaignError ? copy : { type: 'updateConfig', section, value: copy, ...(mode && { mode }) };
}

function batchCommand(build: (batch: BatchBuilder) => void): BuiltCommand {
  const commands: SimpleCommand[] = [];
  let error: CampaignError | undefined;
  const builder: BatchBuilder = {
    update: (updates) => add(updateCommand(updates)),
    updateFeatures: (features, action) => add(featuresCommand(features, action)),
    updateConfig: (section, value, mode) => add(configCommand(section, value, mode)),
  };
  function add(command: BuiltCommand<SimpleCommand>): BatchBuilder {
    if (command instanceof CampaignError) error ??= command;
    else commands.push(command);
    return builder;
  }
  build(builder);
  return error ?? { type: 'batch', commands };
}

/** The functions with which an app edits a campaign, on top of one that makes a change of a command. */
export function editFunctions(
  edit: (command: BuiltCommand, options: EditOptions | undefined) => Change,
): Pick<Campaign, 'update' | 'updateFeatures' | 'updateConfig' | 'batch'> {
  return {
    update: (updates, options) => edit(updateCommand(updates), options),
    updateFeatures: (features, action, options) => edit(featuresCommand(features, action), options),
    updateConfig: (section, value, mode, options) => edit(configCommand(section, value, mode), options),
    batch: (build, options) => edit(batchCommand(build), options),
  };
}

function copyJson(value: object, name: string): JsonObject | CampaignError {
  const cleaned = cleanJson(value, [name]);
  return cleaned.ok ? structuredClone(cleaned.value) : new CampaignError(cleaned.refusal);
}
