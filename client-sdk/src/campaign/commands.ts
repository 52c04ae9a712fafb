import { CONFIG_SECTIONS, type ConfigSection } from '../../../server/core/document/campaign.ts';
import type {
  ConfigMode,
  EditCommand,
  FeaturesAction,
  SimpleCommand,
  UpdateCommand,
} from '../../../server/core/commands/command.ts';
import type { Path } from '../../../server/core/errors.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { cleanJson } from '../../../server/core/document/plain-json.ts';
import { CampaignError, invalid } from '../errors.ts';
import { frozenCopy } from '../frozen.ts';
import type { BatchBuilder, Campaign, Change, EditOptions } from '../types.ts';

/**
 * The command that an app asked for, or why there is none. Content is copied, so that what the app does to its objects
 * later changes nothing here, and held to plain JSON at once: what could not travel is refused where it was written, by
 * the path of what was written. Arguments are checked too, for not every app is compiled against the types.
 */
export type BuiltCommand<C extends EditCommand = EditCommand> = C | CampaignError;

export function updateCommand(updates: unknown): BuiltCommand<UpdateCommand> {
  const copy = copyJson(updates, []);
  return copy instanceof CampaignError ? copy : { type: 'update', updates: copy };
}

function featuresCommand(features: unknown, action: FeaturesAction): BuiltCommand<SimpleCommand> {
  // A string can be spread into its letters.
  if (!Array.isArray(features)) return invalid(['features'], 'must be an array of names');
  const names: unknown[] = [...features];
  const wrong = names.findIndex((name) => typeof name !== 'string');
  if (wrong >= 0) return invalid(['features', wrong], 'must be a string');
  if (!['add', 'remove', 'set'].includes(action)) return invalid(['action'], "must be 'add', 'remove' or 'set'");
  return { type: 'updateFeatures', features: names.map(String), action };
}

/** One command, or several that are one step: a section that is only the app's own is a part of the document. */
function configCommands(
  section: unknown,
  value: unknown,
  mode: ConfigMode = 'merge',
): BuiltCommand<SimpleCommand> | readonly SimpleCommand[] {
  if (typeof section !== 'string') return invalid(['section'], 'must be a name');
  if (mode !== 'merge' && mode !== 'replace') return invalid(['mode'], "must be 'merge' or 'replace'");
  const copy = copyJson(value, [section]);
  if (copy instanceof CampaignError) return copy;
  if (isConfigSection(section))
    return { type: 'updateConfig', section, value: copy, ...(mode === 'replace' && { mode }) };
  const merged: SimpleCommand = { type: 'update', updates: { [section]: copy } };
  return mode === 'replace' ? [{ type: 'update', updates: { [section]: null } }, merged] : merged;
}

function isConfigSection(name: string): name is ConfigSection {
  return CONFIG_SECTIONS.some((section) => section === name);
}

function configCommand(...given: Parameters<typeof configCommands>): BuiltCommand {
  const built = configCommands(...given);
  return built instanceof CampaignError || !isList(built) ? built : { type: 'batch', commands: [...built] };
}

function isList(built: SimpleCommand | readonly SimpleCommand[]): built is readonly SimpleCommand[] {
  return Array.isArray(built);
}

function batchCommand(build: (batch: BatchBuilder) => unknown): BuiltCommand {
  if (typeof build !== 'function') return invalid([], 'batch takes a function');
  const commands: SimpleCommand[] = [];
  let error: CampaignError | undefined;
  const builder: BatchBuilder = {
    update: (updates) => add(updateCommand(updates)),
    updateFeatures: (features, action) => add(featuresCommand(features, action)),
    updateConfig: (section, value, mode) => add(configCommands(section, value, mode)),
  };
  function add(built: BuiltCommand<SimpleCommand> | readonly SimpleCommand[]): BatchBuilder {
    if (built instanceof CampaignError) error ??= built;
    else commands.push(...(isList(built) ? built : [built]));
    return builder;
  }
  const result = build(builder);
  // What it would add later could not be in this entry. A chained builder is no promise.
  if (result instanceof Promise) {
    result.catch(() => undefined);
    return invalid([], 'batch takes no async function');
  }
  return error ?? { type: 'batch', commands: [...commands] };
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

function copyJson(value: unknown, path: Path): JsonObject | CampaignError {
  try {
    const cleaned = cleanJson(value, path);
    return cleaned.ok ? frozenCopy(cleaned.value) : new CampaignError(cleaned.refusal);
  } catch (cause) {
    // A getter, or a proxy that was revoked.
    return invalid(path, 'could not be read', cause);
  }
}
