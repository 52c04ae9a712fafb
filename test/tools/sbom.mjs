// Writes `sbom.cdx.json` (CycloneDX) into the package whose folder this is run in, as part of `npm pack`: what its
// users get, that is its dependencies as npm resolves them today, or, for the SDK, what is bundled into it. Fails where
// a licence is not one of ALLOWED.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ALLOWED = new Set([
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  'Unlicense',
]);

const {
  name,
  version,
  license,
  dependencies = {},
  devDependencies = {},
} = JSON.parse(readFileSync('package.json', 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'campaign-sbom-'));
const npm = (args) => {
  const { status, stdout, stderr } = spawnSync('npm', args, {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed:\n${stderr}`);
  return stdout;
};

try {
  const inside = bundled();
  const project = { name, version, license, dependencies: { ...dependencies, ...inside } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(project));
  npm(['install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund']);
  const bom = JSON.parse(npm(['sbom', '--package-lock-only', '--omit', 'dev', '--sbom-format', 'cyclonedx']));
  bom.metadata.component.name = name;
  // Peers of what is bundled are the app's own: only the bundled packages themselves are shipped.
  if (Object.keys(inside).length > 0) {
    bom.components = bom.components.filter((component) => Object.hasOwn(inside, component.name));
    const kept = new Set(bom.components.map((component) => component['bom-ref']));
    bom.dependencies = [{ ref: bom.metadata.component['bom-ref'], dependsOn: [...kept] }];
  }
  const refused = bom.components.filter((component) => !licencesOf(component).some((id) => ALLOWED.has(id)));
  if (refused.length > 0) {
    const listed = refused.map(
      (component) => `${component.name}@${component.version}: ${licencesOf(component).join(', ') || 'none'}`,
    );
    throw new Error(`licences that are not allowed in what is shipped:\n${listed.join('\n')}`);
  }
  writeFileSync('sbom.cdx.json', `${JSON.stringify(bom, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** What is bundled stands in the headings of THIRD_PARTY_LICENSES.txt: `---- a, b ----`. */
function bundled() {
  let text = '';
  try {
    text = readFileSync('THIRD_PARTY_LICENSES.txt', 'utf8');
  } catch {
    return {};
  }
  const names = [...text.matchAll(/^---- (.+) ----$/gm)].flatMap(([, list]) => list.split(', '));
  return Object.fromEntries(
    names.map((bundledName) => {
      const wanted = devDependencies[bundledName];
      if (wanted === undefined) throw new Error(`${bundledName} is bundled, and not among the devDependencies`);
      return [bundledName, wanted];
    }),
  );
}

function licencesOf({ licenses = [] }) {
  return licenses
    .flatMap(({ license: one, expression }) => (expression ?? one?.id ?? one?.name ?? '').split(/[()]| OR /))
    .map((id) => id.trim())
    .filter(Boolean);
}
