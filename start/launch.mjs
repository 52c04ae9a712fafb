// `npm start` and `npm run dev`: builds the demo if that is due, starts the server, says where to look, and starts it again when it is
// killed. Plain JavaScript for old versions of Node, which this file must at least be able to turn away.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED_NODE = 24;
/** What the built demo is made of. */
const DEMO_SOURCES = ['demo/src', 'demo/public', 'demo/index.html', 'demo/audience.html', 'demo/vite.config.ts', 'client-sdk/src', 'server/core'];
/** Two signals within so many milliseconds are one key press: the terminal and npm both pass it on. */
const SAME_SIGNAL_MS = 500;
/** A server that is killed so often within this time would only be killed again. */
const CRASHES = 5;
const CRASH_WINDOW_MS = 10_000;

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Vite's command, as a file for Node. */
const VITE = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
const dev = process.argv.includes('--dev');
const production = process.env.NODE_ENV === 'production';

const [major] = process.versions.node.split('.').map(Number);
if (major < NEEDED_NODE) {
  giveUp(
    `campaign-state needs Node ${NEEDED_NODE} or newer, this is ${process.versions.node}: \`npm install\` brings one along on Linux and Windows, https://nodejs.org has it for everything else.`,
  );
}

const children = new Set();
let server;
let announced = false;
let stopping = false;
let restarting = false;
let lastSignalAt = 0;
let crashes = [];

process.on('SIGINT', stop);
process.on('SIGTERM', stop);
if (!dev && demoIsDue()) await buildDemo();
if (!stopping) {
  startServer();
  if (dev) {
    run([VITE, '--clearScreen', 'false'], { cwd: join(root, 'demo'), stdio: ['ignore', 'inherit', 'inherit'] });
    restartOnChanges();
  }
}

function run(args, options, onExit) {
  const child = spawn(process.execPath, args, { cwd: root, windowsHide: true, ...options });
  children.add(child);
  child.once('exit', (code, signal) => {
    children.delete(child);
    onExit?.(code, signal);
    if (stopping && children.size === 0) process.exit();
  });
  return child;
}

function startServer() {
  restarting = false;
  server = run(
    [join('start', 'main.ts')],
    {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // In a process group of its own: Ctrl+C reaches every process of the terminal's, and would reach the server twice. It stops by
      // itself when this process is gone, because the channel between the two closes.
      detached: true,
      // What a log at `info` says, the lines below say to people.
      env: { LOG_LEVEL: production ? 'info' : 'warn', ...process.env },
    },
    onServerExit,
  );
  server.once('message', announce);
}

function announce({ url, storage, access }) {
  if (announced) {
    print(`The server is back at ${url}`);
    return;
  }
  announced = true;
  print(`
  campaign-state is running

    Open      ${dev ? 'the address that Vite prints' : url}
    API       ${url}/trpc  (ws, http and SSE)
    Health    ${url}/readyz, metrics ${url}/metrics
    Data      ${storage}
    Access    ${access}

  Ctrl+C stops it; what was accepted is saved first.
`);
}

function onServerExit(code, signal) {
  if (stopping) {
    process.exitCode = code ?? 1;
  } else if (restarting) {
    startServer();
  } else if (dev && signal === null) {
    print('The server ended; it starts again with the next change.');
  } else if (production || signal === null) {
    finish(code ?? 1);
  } else {
    startAfterCrash(signal);
  }
}

function startAfterCrash(signal) {
  const now = Date.now();
  crashes = [...crashes.filter((at) => now - at < CRASH_WINDOW_MS), now];
  if (crashes.length < CRASHES) {
    print(`The server was killed (${signal}); starting it again …`);
    startServer();
  } else {
    process.stderr.write(`The server was killed ${CRASHES} times within ${CRASH_WINDOW_MS / 1_000} s; giving up.\n`);
    finish(1);
  }
}

function restartOnChanges() {
  let timer;
  const restart = () => {
    if (server.exitCode !== null || server.signalCode !== null) {
      startServer();
    } else {
      restarting = true;
      server.kill('SIGTERM');
    }
  };
  const onChange = (_event, name) => {
    if (stopping || !/\.(ts|json)$/.test(name ?? '')) return;
    clearTimeout(timer);
    timer = setTimeout(restart, 100);
  };
  for (const folder of ['server', 'start']) watch(join(root, folder), { recursive: true }, onChange);
}

function stop(signal) {
  const now = Date.now();
  if (now - lastSignalAt < SAME_SIGNAL_MS) return;
  lastSignalAt = now;
  stopping = true;
  if (children.size === 0) process.exit(0);
  for (const child of children) child.kill(signal);
}

function finish(code) {
  stopping = true;
  process.exitCode = code;
  for (const child of children) child.kill('SIGTERM');
}

function demoIsDue() {
  const built = join(root, 'demo', 'dist', 'index.html');
  if (!existsSync(built)) return true;
  return Math.max(...DEMO_SOURCES.map((source) => newestChange(join(root, source)))) > statSync(built).mtimeMs;
}

function newestChange(path) {
  if (!existsSync(path)) return 0;
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newestChange(join(path, name))));
}

function buildDemo() {
  print('Building the demo …');
  return new Promise((resolve) => {
    let output = '';
    const onExit = (code) => {
      if (code !== 0 && !stopping) process.stderr.write(`${output}\nThe demo could not be built; the server starts without it.\n`);
      resolve();
    };
    const child = run([VITE, 'build', '--logLevel', 'warn'], { cwd: join(root, 'demo'), stdio: ['ignore', 'pipe', 'pipe'] }, onExit);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  });
}

function print(text) {
  process.stdout.write(`${text}\n`);
}

function giveUp(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
