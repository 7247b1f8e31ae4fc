import { Command } from 'commander';
import { check } from './cluster/check.ts';
import { chooseCluster } from './cluster/choose.ts';
import { helmProgram } from './cluster/helm-program.ts';
import { onTerminal, run } from './cluster/run-program.ts';
import { runCommand, Steps } from './stack/steps.ts';

/** `npm run cluster`: a Kubernetes cluster to try the project on. */
const program = new Command('npm run cluster --')
  // Options after `kubectl` are kubectl's.
  .enablePositionalOptions()
  .description(
    'A Kubernetes cluster with NetworkPolicies and KEDA: in kind or k3d where Docker works, otherwise as\nprocesses of this machine, built from source once (Go, root and a Debian-like Linux).',
  )
  .option('--context', 'use the cluster of kubectl’s current context instead')
  .option('--local', 'processes of this machine, even if kind or k3d would work');
const steps = new Steps();
const chosen = () => chooseCluster(program.opts<{ context?: boolean; local?: boolean }>());

program
  .command('up')
  .description('starts the cluster, or what doesn’t run of it')
  .option('--yes', 'install missing system packages without asking', false)
  .option('--no-keda', 'without KEDA')
  .action((options: { yes: boolean; keda: boolean }) =>
    runCommand(async () => {
      const cluster = await chosen();
      steps.note(`Kubernetes on ${cluster.title}`);
      await cluster.up({ tell: steps, ...options });
      const { program: kubectl, args } = await cluster.kubectl(steps);
      steps.note(
        `  npm run cluster -- kubectl get pods -A     or: ${[kubectl, ...args].join(' ')} get pods -A`,
      );
      steps.note('  npm run cluster -- check                   shows that it does what the project needs');
      steps.note('  npm run cluster -- down                    removes it');
      return 0;
    }),
  );

program
  .command('down')
  .description('removes the cluster and everything it has made')
  .action(() =>
    runCommand(async () => {
      await (await chosen()).down(steps);
      return 0;
    }),
  );

program
  .command('status')
  .description('shows its processes, nodes and pods; exit code 1 if something of it doesn’t run')
  .action(() =>
    runCommand(async () => {
      const cluster = await chosen();
      const { program: kubectl, args } = await cluster.kubectl(steps);
      const processes = Object.entries(cluster.processes());
      for (const [name, runs] of processes) process.stdout.write(`${runs ? '✔' : '✖'} ${name}\n`);
      const { code, out, err } = await run(kubectl, [
        ...args,
        'get',
        'nodes,pods',
        '-A',
        '--request-timeout=5s',
      ]);
      process.stdout.write(out || err);
      return code === 0 && processes.every(([, runs]) => runs) ? 0 : 1;
    }),
  );

program
  .command('kubectl')
  .description('runs kubectl on the cluster')
  .argument('[arguments...]')
  .allowUnknownOption()
  .helpOption(false)
  .passThroughOptions()
  .action((given: string[]) =>
    runCommand(async () => {
      const { program: kubectl, args } = await (await chosen()).kubectl(steps);
      // Plugins and their options come after kubectl's own.
      return onTerminal(kubectl, [...args, ...given]);
    }),
  );

program
  .command('helm')
  .description('runs helm on the cluster; built from source where there is none')
  .argument('[arguments...]')
  .allowUnknownOption()
  .helpOption(false)
  .passThroughOptions()
  .action((given: string[]) =>
    runCommand(async () => {
      const { args } = await (await chosen()).kubectl(steps);
      const which = args.map((arg) => arg.replace(/^--context=/, '--kube-context='));
      return onTerminal(await helmProgram(steps), [...which, ...given]);
    }),
  );

program
  .command('load-image')
  .description('gives the nodes the images of archives (docker save, or OCI)')
  .argument('<files...>')
  .action((files: string[]) =>
    runCommand(async () => {
      const names = await (await chosen()).loadImages(files, steps);
      for (const name of names) process.stdout.write(`✔ ${name}\n`);
      return 0;
    }),
  );

program
  .command('check')
  .description('starts a few pods and shows DNS, Services, logs, exec and NetworkPolicies at work')
  .action(() =>
    runCommand(async () => {
      const cluster = await chosen();
      await check(await cluster.kubectl(steps), steps);
      return 0;
    }),
  );

await program.parseAsync();
