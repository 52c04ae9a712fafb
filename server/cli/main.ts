import packageJson from '../package.json' with { type: 'json' };
import { manageAccess } from './commands/access.ts';
import { manageAudit } from './commands/audit.ts';
import { announcementLines, type Announcement } from './announcement.ts';
import { VARIABLES, type Environment } from './config.ts';
import { deleteCampaign } from './commands/delete.ts';
import { giveUp } from './commands/explain.ts';
import { importFlags } from './commands/import.ts';
import { runServer } from './run-server.ts';
import { runRelay } from './commands/relay.ts';
import { restoreFile, takeSnapshot, verifySnapshot } from './commands/snapshot.ts';
import { printToken } from './commands/token.ts';
import { readArguments } from './commands/read-arguments.ts';

/** The command `npx @campaign-state/server`, by its arguments. */

const HELP = `campaign-state ${packageJson.version}: live campaign state over tRPC

  npx @campaign-state/server [folder]     starts the server; the folder's default_campaign.json and
                                          campaigns/*.json are inserted where there is none of their slug
  npx @campaign-state/server token --role viewer|editor|admin|relay [--campaign id] [--sub me] [--expires 12h]
                                          prints a token for the server's AUTH_SECRET
  npx @campaign-state/server access create --name … --role … [--campaign id] [--expires 90d] [--url …]
  npx @campaign-state/server access list | access revoke <id>
                                          manages the API keys of a running server
  npx @campaign-state/server snapshot [--campaign id]… [--out file|-] [--url …]
                                          saves the campaigns of a running server, with their histories
  npx @campaign-state/server verify file…|-
                                          proves every hash of a snapshot
  npx @campaign-state/server restore file…|- [--campaign id] [--as new-id | --over] [--at version|position|time]
                                          [--dry-run] [--url …]
                                          restores a snapshot into a running server
  npx @campaign-state/server delete <id> [--now] [--url …]
                                          deletes a campaign for good that has been archived for seven days; with
                                          --now, any campaign at once
  npx @campaign-state/server audit verify [file] [--campaign id]… [--url …]
                                          walks the hash chains of a running server, or of a snapshot
  npx @campaign-state/server audit export [--campaign id]… [--out file|-] [--state file] [--url …]
                                          writes what is new since the state file, as lines of JSON
  npx @campaign-state/server audit keep <id> [versions and age|all|default] [--url …]
                                          says how much is kept of a history, such as 1000,90d; without it, what is
  npx @campaign-state/server audit redact <id> <position> [--path name]… [--comment] [--url …]
                                          takes a value, or the comment, out of an entry for good; --path once for
                                          each name of the place, the outermost first
  npx @campaign-state/server import --from growthbook|unleash file [--campaign id] [--yes] [--url …]
                                          makes segments, rules and features of another service's export; changes
                                          nothing without --yes
  npx @campaign-state/server relay --upstream wss://… [--dir folder]
                                          shows the campaigns of another server, without a database; RELAY_KEY
                                          is a key of that one's \`access create --role relay\`
  npx @campaign-state/server --version

  Everything else is set by environment variables, which the package's README explains:
${inColumns(VARIABLES)}
`;

const options = { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean', short: 'v' } } as const;

const args = process.argv.slice(2);
if (args[0] === 'token') await printToken(args.slice(1));
else if (args[0] === 'access') await manageAccess(args.slice(1));
else if (args[0] === 'audit') await manageAudit(args.slice(1));
else if (args[0] === 'snapshot') await takeSnapshot(args.slice(1));
else if (args[0] === 'verify') await verifySnapshot(args.slice(1));
else if (args[0] === 'restore') await restoreFile(args.slice(1));
else if (args[0] === 'delete') await deleteCampaign(args.slice(1));
else if (args[0] === 'import') await importFlags(args.slice(1));
else if (args[0] === 'relay') await start('relay', (env) => runRelay(args.slice(1), env));
else await run(args);

async function run(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args, options);
  if (values.help === true) return print(HELP);
  if (values.version === true) return print(`${packageJson.version}\n`);
  if (positionals.length > 1) giveUp('One folder at most can be given; --help says more.');
  await start('campaign-state', (env) => runServer({ env, startFiles: positionals[0] }));
}

/** Starts a process that stays, and says where it is. */
async function start(name: string, begin: (env: Environment) => Promise<Announcement>): Promise<void> {
  // A person reads the announcement below, which says what the log at `info` would.
  const interactive = process.stdout.isTTY;
  const env = interactive ? { LOG_LEVEL: 'warn', ...process.env } : process.env;
  const announcement = await begin(env);
  process.send?.(announcement);
  if (interactive) {
    print(`\n  ${name} is running\n\n${announcementLines(announcement)
      .map((line) => `    ${line}\n`)
      .join('')}
  Ctrl+C stops it; accepted changes are saved first.\n`);
  }
}

function inColumns(names: readonly string[]): string {
  const width = Math.max(...names.map((name) => name.length)) + 2;
  const rows = Array.from({ length: Math.ceil(names.length / 3) }, (_, row) => names.slice(row * 3, row * 3 + 3));
  return rows
    .map(
      (row) =>
        `    ${row
          .map((name) => name.padEnd(width))
          .join('')
          .trimEnd()}`,
    )
    .join('\n');
}

function print(text: string): void {
  process.stdout.write(text);
}
