import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from '../../tools/browser.ts';
import { followLink, serveFolder, useTitlePage } from './page.ts';
import { makeProject, type Project, type Workshop } from './projects.ts';
import { runWithoutBrowserGlobals } from './react-native.ts';
import { readRecipe } from './recipes.ts';

/** What a set-up is tried with. */
export interface Bench {
  readonly workshop: Workshop;
  /** The address of a server with the campaigns `spring` and `autumn`. */
  readonly url: string;
  /** Stops that server for good: the last thing that a set-up may do. */
  readonly stopServer: () => Promise<void>;
  readonly browser: () => Promise<Browser>;
}

/** One framework, bundler or runtime: installed, built and used as FRAMEWORKS.md says. */
export interface Setup {
  readonly name: string;
  /** The section of FRAMEWORKS.md that it follows. */
  readonly heading: string;
  /** The rule that it proves. */
  readonly rule: string;
  /** Whether it is quick enough for every run of the tests. */
  readonly isQuick: boolean;
  /** @returns what was seen, a line each */
  readonly run: (bench: Bench) => Promise<string[]>;
}

const STRICT = {
  compilerOptions: {
    strict: true,
    noEmit: true,
    target: 'es2022',
    lib: ['es2023', 'dom', 'dom.iterable'],
    module: 'esnext',
    moduleResolution: 'bundler',
    jsx: 'react-jsx',
    skipLibCheck: true,
    types: [] as string[],
    allowImportingTsExtensions: true,
    isolatedModules: true,
  },
  include: ['src'],
};
const HTML = (root: string, script: string) =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>App</title><link rel="icon" href="data:,"></head><body>${root}<script type="module" src="${script}"></script></body></html>`;
const TYPESCRIPT = 'typescript@6.0.3';
const VITE = 'vite@8.4.0';

async function versions(project: Project, names: readonly string[]): Promise<string> {
  return (await Promise.all(names.map((name) => project.version(name)))).join(', ');
}

/** Uses the page that a project has built. */
async function useBuilt({ browser, url }: Bench, folder: string): Promise<string> {
  const site = await serveFolder(folder);
  try {
    return await useTitlePage(await browser(), site.url, url);
  } finally {
    site.close();
  }
}

function react(version: string, types: string): Setup['run'] {
  return async (bench) => {
    const recipe = readRecipe('React', bench.url);
    const project = await makeProject(bench.workshop, `react-${version}`, {
      packageJson: { type: 'module' },
      packages: [
        ...recipe.packages,
        `react@${version}`,
        `react-dom@${version}`,
        `@types/react@${types}`,
        `@types/react-dom@${types}`,
        VITE,
        '@vitejs/plugin-react@6',
        TYPESCRIPT,
      ],
      files: {
        ...recipe.files,
        'index.html': HTML('<div id="root"></div>', '/src/main.tsx'),
        'src/main.tsx':
          "import { StrictMode } from 'react';\nimport { createRoot } from 'react-dom/client';\nimport App from './App.tsx';\n" +
          "const root = document.getElementById('root');\nif (root) createRoot(root).render(<StrictMode><App /></StrictMode>);\n",
        'vite.config.ts': "import react from '@vitejs/plugin-react';\nexport default { plugins: [react()] };\n",
        'tsconfig.json': JSON.stringify(STRICT),
      },
    });
    await project.run(['tsc', '-p', '.']);
    await project.run(['vite', 'build']);
    const seen = await useBuilt(bench, join(project.at, 'dist'));
    return [`${await versions(project, ['react', 'vite', 'typescript'])}: types check, built, ${seen}`];
  };
}

/** @param version of Next */
function next(version: string, typescript: string) {
  return (bench: Bench) => tryNext(bench, version, typescript);
}

async function tryNext(bench: Bench, version: string, typescript: string): Promise<string[]> {
  const recipe = readRecipe('Next', bench.url);
  const project = await makeProject(bench.workshop, `next-${version}`, {
    packages: [
      ...recipe.packages,
      `next@${version}`,
      'react@19',
      'react-dom@19',
      '@types/react@19',
      '@types/react-dom@19',
      '@types/node@24',
      typescript,
    ],
    files: {
      ...recipe.files,
      'app/layout.tsx':
        'import Link from \'next/link\';\nimport type { ReactNode } from \'react\';\nexport default function Layout({ children }: { children: ReactNode }) {\n  return <html lang="en"><body><Link href="/campaigns/autumn">Autumn</Link>{children}</body></html>;\n}\n',
      'next.config.mjs': 'export default {};\n',
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          ...STRICT.compilerOptions,
          allowImportingTsExtensions: false,
          incremental: true,
          esModuleInterop: true,
          resolveJsonModule: true,
          allowJs: true,
          jsx: 'react-jsx',
          types: ['node'],
          plugins: [{ name: 'next' }],
        },
        include: ['next-env.d.ts', '.next/types/**/*.ts', '**/*.ts', '**/*.tsx'],
        exclude: ['node_modules'],
      }),
    },
  });
  const env = { NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' };
  const seen: string[] = [];
  await project.run(['next', 'build'], env);
  seen.push(`${await versions(project, ['next', 'react', 'typescript'])}: types check, production build`);

  const started = await project.start(['next', 'start', '-p', '0', '-H', '127.0.0.1'], /Ready in/);
  try {
    const site = /http:\/\/127\.0\.0\.1:\d+/.exec(started.said)?.[0] ?? '';
    const page = await (await fetch(`${site}/campaigns/spring`)).text();
    if (!page.includes('value="Spring"')) throw new Error(`The page was rendered without the campaign: ${page}`);
    seen.push('a page fetched from the server holds the title');
    if ((await fetch(`${site}/campaigns/nowhere`)).status !== 404) throw new Error('An unknown campaign is no 404');
    const patch = (updates: object) =>
      fetch(`${site}/api/campaigns/spring`, { method: 'PATCH', body: JSON.stringify(updates) });
    const saved = await patch({ title: 'By the route handler' });
    const refused = await patch({ status: 'wrong' });
    if (saved.status !== 200 || refused.status !== 400) {
      throw new Error(`The route handler answered ${saved.status} and ${refused.status}: ${await refused.text()}`);
    }
    seen.push(`the route handler answered ${JSON.stringify(await saved.json())}; an invalid change is a 400`);
    for (const path of ['/', '/campaigns/spring'])
      seen.push(`${path} hydrates: ${await useTitlePage(await bench.browser(), site + path, bench.url)}`);
    await followLink(await bench.browser(), `${site}/campaigns/spring`, 'Autumn');
    seen.push('the next page is shown with its own seed, by the same client');
  } finally {
    await started.stop();
  }

  await bench.stopServer();
  const before = performance.now();
  await project.run(['next', 'build'], env);
  seen.push(`with the server away a static build settles, in ${Math.round((performance.now() - before) / 1_000)} s`);
  return seen;
}

async function vue(bench: Bench): Promise<string[]> {
  const recipe = readRecipe('Vue', bench.url);
  const project = await makeProject(bench.workshop, 'vue', {
    packageJson: { type: 'module' },
    packages: [...recipe.packages, 'vue@3', VITE, '@vitejs/plugin-vue@6', 'vue-tsc@3', TYPESCRIPT],
    files: {
      ...recipe.files,
      'index.html': HTML('<div id="app"></div>', '/src/main.ts'),
      'vite.config.ts': "import vue from '@vitejs/plugin-vue';\nexport default { plugins: [vue()] };\n",
      'tsconfig.json': JSON.stringify(STRICT),
    },
  });
  await project.run(['vue-tsc', '-p', '.']);
  await project.run(['vite', 'build']);
  const seen = await useBuilt(bench, join(project.at, 'dist'));
  return [`${await versions(project, ['vue', 'vite', 'vue-tsc'])}: types check, built, ${seen}`];
}

async function svelte(bench: Bench): Promise<string[]> {
  const recipe = readRecipe('Svelte', bench.url);
  const project = await makeProject(bench.workshop, 'svelte', {
    packageJson: { type: 'module' },
    packages: [...recipe.packages, 'svelte@5', VITE, '@sveltejs/vite-plugin-svelte@7', 'svelte-check@4', TYPESCRIPT],
    files: {
      ...recipe.files,
      'index.html': HTML('<div id="app"></div>', '/src/main.ts'),
      'src/main.ts':
        "import { mount } from 'svelte';\nimport App from './App.svelte';\nconst target = document.getElementById('app');\nif (target) mount(App, { target });\n",
      'vite.config.ts':
        "import { svelte } from '@sveltejs/vite-plugin-svelte';\nexport default { plugins: [svelte()] };\n",
      'svelte.config.js':
        "import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';\nexport default { preprocess: vitePreprocess() };\n",
      'tsconfig.json': JSON.stringify({
        ...STRICT,
        compilerOptions: { ...STRICT.compilerOptions, verbatimModuleSyntax: true, types: ['svelte', 'vite/client'] },
      }),
    },
  });
  await project.run(['svelte-check', '--fail-on-warnings']);
  await project.run(['vite', 'build']);
  const seen = await useBuilt(bench, join(project.at, 'dist'));
  return [`${await versions(project, ['svelte', 'vite', 'svelte-check'])}: types check, built, ${seen}`];
}

/** The files of a page that a bundler other than Vite builds. */
async function pageWithout(
  bench: Bench,
  name: string,
  packages: readonly string[],
  files: Record<string, string> = {},
) {
  const recipe = readRecipe('A page without a framework', bench.url);
  return makeProject(bench.workshop, name, {
    packages: [...recipe.packages, TYPESCRIPT, ...packages],
    files: {
      ...recipe.files,
      ...files,
      'tsconfig.json': JSON.stringify({
        ...STRICT,
        compilerOptions: { ...STRICT.compilerOptions, noEmit: undefined, allowImportingTsExtensions: undefined },
      }),
    },
  });
}

/** What stands beside the bundle: how much a page loads at first is for K64. */
async function chunksOf(folder: string): Promise<string> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.js'));
  return files.length === 1 ? 'one file' : `${files.length} files`;
}

async function webpack(bench: Bench): Promise<string[]> {
  const project = await pageWithout(bench, 'webpack', ['webpack@5', 'webpack-cli@6', 'ts-loader@9'], {
    'webpack.config.js': `module.exports = {
  mode: 'production',
  entry: './src/index.ts',
  resolve: { extensions: ['.ts', '.js'] },
  module: { rules: [{ test: /\\.ts$/, use: 'ts-loader' }] },
};\n`,
    'index.html': HTML('', '/main.js'),
  });
  await project.run(['webpack']);
  const dist = join(project.at, 'dist');
  await writeHtml(dist, '/main.js');
  const seen = await useBuilt(bench, dist);
  return [
    `${await versions(project, ['webpack', 'ts-loader'])}: types check, built as ${await chunksOf(dist)}, ${seen}`,
  ];
}

async function esbuild(bench: Bench): Promise<string[]> {
  const project = await pageWithout(bench, 'esbuild', ['esbuild@0.28.2']);
  await project.run(['tsc', '--noEmit', '-p', '.']);
  const flags = ['src/index.ts', '--bundle', '--minify', '--log-level=warning'];
  const seen: string[] = [];
  for (const [title, folder, more] of [
    ['with splitting', 'split', ['--splitting', '--format=esm']],
    ['as one file', 'whole', []],
  ] as const) {
    const outdir = join(project.at, folder);
    await project.run(['esbuild', ...flags, ...more, `--outdir=${outdir}`]);
    await writeHtml(outdir, '/index.js');
    seen.push(
      `${await project.version('esbuild')} ${title}: ${await chunksOf(outdir)}, ${await useBuilt(bench, outdir)}`,
    );
  }
  return seen;
}

async function writeHtml(folder: string, script: string): Promise<void> {
  await writeFile(join(folder, 'index.html'), HTML('', script));
}

/** The client and hooks without a screen: React's renderer for tests, which needs no platform. */
const WITHOUT_SCREEN = `import { createElement } from 'react';
import { create } from 'react-test-renderer';
import { CampaignProvider, useCampaign, usePacedUpdate, useSyncStatus, useUndo } from '@campaign-state/client/react';
import { client } from './src/campaigns';

function mount() {
  const shown = { current: undefined };
  function Headline() {
    const title = useCampaign((state) => state.title);
    const { updateCampaign } = usePacedUpdate({ wait: 600_000 });
    const { state } = useSyncStatus();
    const { canUndo, undo } = useUndo();
    shown.current = { title, state, canUndo, undo, updateCampaign };
    return null;
  }
  const root = create(createElement(CampaignProvider, { client, campaignId: 'spring' }, createElement(Headline)));
  return { shown, unmount: () => root.unmount() };
}
globalThis.app = { client, mount };
`;

async function reactNative(bench: Bench): Promise<string[]> {
  const recipe = readRecipe('React Native', bench.url);
  const project = await makeProject(bench.workshop, 'react-native', {
    packages: [
      ...recipe.packages,
      'react-native@0.88.1',
      'react@19',
      '@types/react@19',
      'react-test-renderer@19',
      '@react-native/metro-config@0.88.1',
      '@react-native/babel-preset@0.88.1',
      '@react-native/typescript-config@0.87.1',
      '@babel/core@7',
      '@babel/runtime@7',
      'metro@0.87.0',
      TYPESCRIPT,
    ],
    files: {
      ...recipe.files,
      // The hooks too: what they import must be there for Metro.
      'src/App.tsx':
        readRecipe('React', bench.url).files['src/App.tsx']?.replace(/<label>[\s\S]*<\/label>/, 'null') ?? '',
      'index.js':
        "import App from './src/App';\nimport { client } from './src/campaigns';\nglobalThis.app = { App, client };\n",
      'without-screen.js': WITHOUT_SCREEN,
      'babel.config.js': "module.exports = { presets: ['module:@react-native/babel-preset'] };\n",
      'metro.config.js':
        "const { getDefaultConfig } = require('@react-native/metro-config');\nmodule.exports = getDefaultConfig(__dirname);\n",
      'doubles/react-native.js': 'export const AppState = globalThis.platform.AppState;\n',
      'doubles/storage.js': 'export default globalThis.platform.AsyncStorage;\n',
      'doubles/netinfo.js': 'export default globalThis.platform.NetInfo;\n',
      'metro.doubles.js': `const { join } = require('node:path');
const { getDefaultConfig } = require('@react-native/metro-config');
const config = getDefaultConfig(__dirname);
const doubles = {
  'react-native': 'react-native.js',
  '@react-native-async-storage/async-storage': 'storage.js',
  '@react-native-community/netinfo': 'netinfo.js',
};
config.resolver.resolveRequest = (context, name, platform) =>
  doubles[name]
    ? { type: 'sourceFile', filePath: join(__dirname, 'doubles', doubles[name]) }
    : context.resolveRequest(context, name, platform);
module.exports = config;\n`,
      'tsconfig.json': JSON.stringify({
        extends: '@react-native/typescript-config',
        compilerOptions: { types: ['react-native'] },
        include: ['src'],
      }),
    },
  });
  await project.run(['tsc', '--noEmit', '-p', '.']);
  const flags = ['--platform', 'ios', '--dev', 'false', '--minify', 'false'];
  await project.run(['metro', 'build', 'index.js', ...flags, '--out', 'app.bundle.js']);
  const tried = await versions(project, ['react-native', 'metro', '@react-native-async-storage/async-storage']);
  const seen = [`${tried}: types check, Metro's bundle of the app is made`];
  const config = ['--config', 'metro.doubles.js'];
  await project.run(['metro', 'build', 'without-screen.js', ...flags, ...config, '--out', 'run.bundle.js']);
  const bundle = await readFile(join(project.at, 'run.bundle.js'), 'utf8');
  return [...seen, ...(await runWithoutBrowserGlobals(bundle, bench.url))];
}

async function jest(bench: Bench): Promise<string[]> {
  const recipe = readRecipe('Jest', bench.url);
  const packages = recipe.packages.filter((name) => !name.startsWith('-'));
  const pinned = packages.map((name) => (name === 'jest' ? 'jest@30.5.2' : name));
  const given = ['react@19', 'react-dom@19'];
  const project = await makeProject(bench.workshop, 'jest', { packages: [...pinned, ...given], files: recipe.files });
  const seen: string[] = [];
  await project.run(['jest']);
  seen.push(`${await versions(project, ['jest', '@babel/preset-env'])}: passes with the recipe's configuration`);
  for (const file of ['jest.config.js', 'headline.test.jsx']) await rm(join(project.at, file));
  const failure = await project.run(['jest']).then(() => undefined, String);
  if (!failure?.includes('require(esm)'))
    throw new Error('Jest needs the configuration no more: the recipe can be shorter');
  seen.push('fails without it, as the recipe says');
  await project.run(['jest'], { NODE_OPTIONS: '--experimental-vm-modules' });
  seen.push('passes without Babel under --experimental-vm-modules');
  return seen;
}

async function runtimes(bench: Bench): Promise<string[]> {
  const recipe = readRecipe('Node, Bun and Deno', bench.url);
  const project = await makeProject(bench.workshop, 'runtimes', {
    packageJson: { type: 'module' },
    packages: [...recipe.packages, 'bun@1.4.5', 'deno@2.9.6', TYPESCRIPT, '@types/node@24'],
    files: {
      ...recipe.files,
      'common.cjs': `const { createCampaignClient } = require('@campaign-state/client');\nconst client = createCampaignClient({ url: '${bench.url}' });\nclient.campaign('spring').update({ title: 'From CommonJS' }).then(({ version }) => { console.log('saved as version ' + version); client.close(); });\n`,
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          ...STRICT.compilerOptions,
          module: 'nodenext',
          moduleResolution: 'nodenext',
          types: ['node'],
        },
        include: ['*.ts'],
      }),
    },
  });
  // npm runs no scripts of packages by itself; theirs put the program in its place.
  for (const name of ['bun', 'deno']) {
    const { scripts = {} } = JSON.parse(await readFile(join(project.at, 'node_modules', name, 'package.json'), 'utf8'));
    const { postinstall } = scripts as Record<string, string>;
    if (postinstall !== undefined) {
      await project.run(['sh', '-c', `cd node_modules/${name} && ${postinstall}`]).catch(() => undefined);
    }
  }
  await project.run(['tsc', '-p', '.']);
  const seen: string[] = [];
  for (const command of [...recipe.commands, 'node common.cjs']) {
    const said = (await project.run(command.split(' '))).trim();
    if (!/^saved as version \d+$/.test(said)) throw new Error(`${command} said ${said}`);
    seen.push(`${command}: ${said}`);
  }
  seen.unshift(`Node ${process.version}, ${await versions(project, ['bun', 'deno'])}`);
  return seen;
}

/** In the order of FRAMEWORKS.md. */
export const SETUPS: readonly Setup[] = [
  {
    name: 'react-19',
    heading: 'React',
    rule: 'K320 Vite and React 19: the recipe installs, type-checks, builds and is live',
    isQuick: false,
    run: react('19', '19'),
  },
  {
    name: 'react-18',
    heading: 'React',
    rule: 'K320 Vite and React 18.2: the same recipe',
    isQuick: false,
    run: react('18.2.0', '18'),
  },
  {
    name: 'next',
    heading: 'Next',
    rule: 'K321 Next: rendered with the campaign, hydrated, changed by a route handler; a static build without the server settles',
    isQuick: false,
    run: next('16.4.6', TYPESCRIPT),
  },
  {
    name: 'next-15',
    heading: 'Next',
    rule: 'K321 Next 15: the same recipe',
    isQuick: false,
    run: next('15.5.29', 'typescript@5.9'),
  },
  {
    name: 'vue',
    heading: 'Vue',
    rule: 'K322 Vue: the recipe installs, type-checks, builds and is live',
    isQuick: false,
    run: vue,
  },
  {
    name: 'svelte',
    heading: 'Svelte',
    rule: 'K323 Svelte: the recipe installs, type-checks, builds and is live',
    isQuick: false,
    run: svelte,
  },
  {
    name: 'webpack',
    heading: 'A page without a framework',
    rule: 'K324 webpack builds a page that is live',
    isQuick: false,
    run: webpack,
  },
  {
    name: 'esbuild',
    heading: 'A page without a framework',
    rule: 'K325 esbuild builds a page that is live, as one file and as several',
    isQuick: true,
    run: esbuild,
  },
  {
    name: 'react-native',
    heading: 'React Native',
    rule: 'K326 React Native: Metro’s bundle runs without window, document and crypto',
    isQuick: false,
    run: reactNative,
  },
  {
    name: 'jest',
    heading: 'Jest',
    rule: 'K327 Jest in its default set-up requires the client with the recipe’s configuration',
    isQuick: true,
    run: jest,
  },
  {
    name: 'runtimes',
    heading: 'Node, Bun and Deno',
    rule: 'K328 Node, Bun and Deno run the same script',
    isQuick: false,
    run: runtimes,
  },
];
