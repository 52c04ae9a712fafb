import {
  CALLERS,
  cellOf,
  EXAMPLE_RIGHTS,
  fieldCellOf,
  FIELD_CALLERS,
  FIELDS,
  jobCellOf,
  JOB_PATHS,
  PATHS,
  transportsOf,
  type Cell,
} from './table.ts';

const SHOWN: Readonly<Record<Cell, string>> = {
  yes: '✓',
  published: 'published',
  'its own': 'its own',
  'no rows': 'no rows',
  'after hello': 'as a relay',
  UNAUTHORIZED: '401',
  FORBIDDEN: '403',
};

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [head, head.map(() => '---'), ...rows].map(line).join('\n');
}

/** `docs/rights.md`, from the procedures of the router and the functions that decide. */
export function rightsPage(): string {
  const procedures = table(
    ['procedure', 'over', ...CALLERS.map(({ title }) => title)],
    PATHS.map((path) => [
      `\`${path}\``,
      transportsOf(path).join(', '),
      ...CALLERS.map((caller) => SHOWN[cellOf(path, caller)]),
    ]),
  );
  const jobs = table(
    ['procedure', 'over', ...CALLERS.map(({ title }) => title)],
    JOB_PATHS.map((path) => [
      `\`${path}\``,
      transportsOf(path).join(', '),
      ...CALLERS.map((caller) => SHOWN[jobCellOf(path, caller)]),
    ]),
  );
  const fields = table(
    ['field', ...FIELD_CALLERS.map(({ title }) => title)],
    FIELDS.map((field) => [
      `\`${field}\``,
      ...FIELD_CALLERS.map((caller) => fieldCellOf(field, caller, EXAMPLE_RIGHTS)),
    ]),
  );
  return `# Who may what

Written by \`npm run rights\` from the procedures and the functions that decide; \`test/api/rights\` compares this page with the code,
and tries every cell against a running server over every transport that its row names. Do not edit it by hand.

## Procedures

✓ allowed · *published*: allowed for what is not a draft, a draft is answered as what does not exist · *no rows*: answered with none · *its own*: for the campaign of the link, 403 or no row for any other ·
*as a relay*: on a ws connection that has called \`relay.hello\`, and for the token of whoever has called there ·
**401** \`UNAUTHORIZED\` · **403** \`FORBIDDEN\`, whether the campaign exists or not.

Of the columns, *viewer*, *editor* and *admin* have that role on the campaign that is called for, *admin of all*
on \`*\`. Without public reading (\`CAMPAIGN_PUBLIC_READ\`) nothing is answered without a token. A right that ends (an
expired token, a revoked key, a signing key that was removed) ends on open connections too: calls are 401, and streams
end with it. Without \`AUTH_SECRET\` and \`AUTH_JWKS_URL\` everyone on this machine is an admin of all.

${procedures}

### Jobs

Locks of jobs (\`name\`, or \`jobs: true\`) are for those who may edit every campaign: editors and admins of \`*\`.

${jobs}

## Fields

Rights by top-level field narrow those above (\`CAMPAIGN_RIGHTS\`, or \`createCampaignServer({ rights })\`): for each field the lowest role that reads and that
writes it. Who may not read a field may not write it. States, streams, history, differences, dry runs and refusals follow. With

\`\`\`json
${JSON.stringify(EXAMPLE_RIGHTS)}
\`\`\`

${fields}

\`session.info\` tells callers which fields are kept from them: \`fields.hidden\` and \`fields.readOnly\`. \`owner_id\` is hidden from callers without a token, always.
`;
}
