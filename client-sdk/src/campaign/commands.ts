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
 * What an app asks for, as a command. Content is copied, so that what the app does to its objects later changes nothing
 * here, and held to plain JSON at once: what could not travel is refused where it was written, by a {@link
 * CampaignError}.
 */
export function updateCommand(updates: object): UpdateCommand {
  return { type: 'update', updates: copyJson(updates, 'updates') };
}

const commands = {
  update: updateCommand,
  updateFeatures: (features: readonly FeatureName[], action: FeaturesAction): SimpleCommand => ({
    type: 'updateFeatures',
    features: [...features],
    action,
  }),
  updateConfig: (section: ConfigSection, value: object, mode: ConfigMode | undefined): SimpleCommand => ({
    type: 'updateConfig',
    section,
    value: copyJson(value, 'value'),
    ...(mode && { mode }),
  }),
  batch: (build: (batch: BatchBuilder) => void): EditCommand => {
    const collected: SimpleCommand[] = [];
    const builder: BatchBuilder = {
      update: (updates) => add(commands.update(updates)),
      updateFeatures: (features, action) => add(commands.updateFeatures(features, action)),
      updateConfig: (section, value, mode) => add(commands.updateConfig(section, value, mode)),
    };
    function add(command: SimpleCommand): BatchBuilder {
      collected.push(command);
      return builder;
    }
    build(builder);
    return { type: 'batch', commands: collected };
  },
};

/** Makes a change of a command; the command is built inside, so that what is wrong with it is that change's refusal. */
export type Edit = (build: () => EditCommand, options: EditOptions | undefined) => Change;

/** The functions with which an app edits a campaign. */
export function editors(edit: Edit): Pick<Campaign, 'update' | 'updateFeatures' | 'updateConfig' | 'batch'> {
  return {
    update: (updates, options) => edit(() => commands.update(updates), options),
    updateFeatures: (features, action, options) => edit(() => commands.updateFeatures(features, action), options),
    updateConfig: (section, value, mode, options) => edit(() => commands.updateConfig(section, value, mode), options),
    batch: (build, options) => edit(() => commands.batch(build), options),
  };
}

function copyJson(value: object, name: string): JsonObject {
  const cleaned = cleanJson(value, [name]);
  if (!cleaned.ok) throw new CampaignError(cleaned.refusal);
  return structuredClone(cleaned.value);
}
