/**
 * Every `npm run …` comes through here. Plain JavaScript without dependencies, for Node.js 20 and later:
 * it installs the npm packages if they are missing or older than package-lock.json (among them Node 24,
 * which runs TypeScript as it is), then runs `scripts/<command>.ts` with that Node and becomes as good as
 * it: arguments, signals and exit code pass through.
 */
import { spawn } from 'node:child_process';
import { existsSync, lstatSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** Command → what it does, and its file where that isn't `scripts/<command>.ts`. */
export const COMMANDS = {
  start: { does: 'starts everything, casts sample votes, shows the results; Ctrl-C stops it' },
  dev: { does: 'the same with hot reload, debug logs and a debugger port a stage' },
  reset: { does: 'throws the data of npm start away' },
  test: { does: 'checks types and style, runs every test that needs no Kubernetes' },
  'test-operator': { does: 'tests the operator against a Kubernetes API server, built the first time' },
  'test-charts': {
    does: 'tests the charts with helm and a Kubernetes API server, both built the first time',
  },
  'test-cluster': { does: 'tests images, charts and KEDA on a Kubernetes cluster of its own' },
  'test-faults': {
    does: 'breaks everything that can break while votes are cast, and checks what was promised',
  },
  'test-replicated': {
    does: 'runs the pipeline on replicated servers, and loses one node after another',
  },
  'kube-api': { does: 'starts a Kubernetes API server to look at; Ctrl-C stops it' },
  cluster: { does: 'starts, shows and removes a Kubernetes cluster on this machine' },
  bench: { does: 'measures votes per second from the first POST to the last commit' },
  load: { does: 'sends a load of votes with k6 and checks that every count is exact' },
  images: { does: 'builds the container images of the stages and the operator' },
  dashboards: { does: 'writes Grafana’s dashboards anew from their sources' },
  'compose-secrets': { does: 'makes the passwords and the pepper that compose.yaml mounts, once' },
  init: { does: 'prepares an election on servers that are there: topology, schema, electorate' },
  'generate-hashes': { does: 'makes a synthetic roll and its hash files, or hashes a given roll' },
  'load-hashes': { does: 'loads an electorate’s hash files into Redis' },
  urls: { does: 'prints the addresses of everything that runs' },
  health: { does: 'asks every stage and server how it is' },
  stats: { does: 'prints queues, counts, turnout, rates and memory' },
  logs: { does: 'shows the stages’ logs' },
  'scale-workers': { does: 'sets the number of validation workers' },
  'backup-db': { does: 'saves the election’s database, verified' },
  'restore-db': { does: 'brings a saved database back' },
  review: { does: 'lists, replays or discards what was set aside for a person to look at' },
};

export const projectFolder = dirname(dirname(fileURLToPath(import.meta.url)));

/** True if node_modules isn't there, or package-lock.json is newer than what npm last installed. */
export function packagesAreStale(folder) {
  const installed = join(folder, 'node_modules', '.package-lock.json');
  if (!existsSync(installed) || !existsSync(join(folder, 'node_modules', '.bin', 'node'))) return true;
  return statSync(join(folder, 'package-lock.json')).mtimeMs > statSync(installed).mtimeMs + 1;
}

/** True if node_modules is a link: npm ci would empty the folder that it leads to, which is somebody else's. */
const packagesAreShared = (folder) =>
  lstatSync(join(folder, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink() === true;

/** The text that an unknown or missing command gets. */
export function usage() {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const lines = Object.entries(COMMANDS).map(([name, { does }]) => `  ${name.padEnd(width)}  ${does}`);
  return `Usage: npm run <command> [-- options]\n\n${lines.join('\n')}\n\nnpm run <command> -- --help tells a command’s options.\n`;
}

async function main([command, ...args]) {
  if (command === undefined || command === '--help' || command === '-h' || command === 'help') {
    process.stdout.write(usage());
    return 0;
  }
  if (!Object.hasOwn(COMMANDS, command)) {
    process.stderr.write(`There is no command ${JSON.stringify(command)}.\n\n${usage()}`);
    return 2;
  }
  if (Number(process.versions.node.split('.')[0]) < 20) {
    process.stderr.write(`Node.js 20 or later is needed to begin with; this is ${process.version}.\n`);
    return 1;
  }
  const node = join(projectFolder, 'node_modules', '.bin', 'node');
  if (packagesAreShared(projectFolder)) {
    if (!existsSync(node)) {
      process.stderr.write(
        '✖ node_modules is a link, and what it leads to lacks packages; nothing was installed.\n',
      );
      process.stderr.write('  Remove the link, or run npm ci in the project that it leads to.\n');
      return 1;
    }
  } else if (packagesAreStale(projectFolder)) await installPackages();
  const file = COMMANDS[command].file ?? join('scripts', `${command}.ts`);
  // npm goes to the project's folder first; paths in the arguments are meant from where the person stands.
  const byNpm = process.env.npm_lifecycle_event === command && process.env.INIT_CWD;
  const cwd = byNpm || process.cwd();
  return run(node, [join(projectFolder, file), ...args], { stdio: 'inherit', cwd });
}

async function installPackages() {
  const begun = Date.now();
  const tell = (text) => process.stderr.write(`${text}\n`);
  tell('… npm packages (once; package-lock.json is newer than what is installed)');
  const ticker = setInterval(
    () => tell(`… npm packages, ${Math.round((Date.now() - begun) / 1000)} s`),
    10_000,
  );
  const output = [];
  // NODE_ENV=production would leave out the tools that npm test needs.
  const npm = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const code = await run(process.platform === 'win32' ? 'npm.cmd' : 'npm', npm, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: projectFolder,
    onOutput: (chunk) => output.push(chunk),
  });
  clearInterval(ticker);
  if (code !== 0 || packagesAreStale(projectFolder)) {
    tell(Buffer.concat(output).toString('utf8').trim().split('\n').slice(-20).join('\n'));
    tell(`✖ The npm packages could not be installed (npm ci ended with ${code}).`);
    tell('  See above why; mostly the network or the registry is out of reach. Then try again.');
    process.exit(code || 1);
  }
  tell(`✔ npm packages (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
}

/** Runs a program, passes signals on, resolves with its exit code (128 + signal if one ended it). */
function run(program, args, { onOutput, ...options }) {
  return new Promise((resolve) => {
    const child = spawn(program, args, options);
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];
    // The terminal, npm and this process may each send the child the same Ctrl-C; it takes them as one.
    const handlers = signals.map((signal) => [signal, () => child.kill(signal)]);
    for (const [signal, handler] of handlers) process.on(signal, handler);
    if (onOutput) for (const stream of [child.stdout, child.stderr]) stream.on('data', onOutput);
    child.on('error', (error) => {
      process.stderr.write(`✖ ${program} can’t be run: ${error.message}\n`);
      resolve(127);
    });
    child.on('close', (code, signal) => {
      for (const [name, handler] of handlers) process.off(name, handler);
      resolve(code ?? 128 + ({ SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGTERM: 15, SIGHUP: 1 }[signal] ?? 0));
    });
  });
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1])
  process.exitCode = await main(process.argv.slice(2));
