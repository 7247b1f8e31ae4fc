import { runFromCommandLine } from './stack/run-command.ts';

/** `npm start`: everything on one machine, from nothing to results. */
await runFromCommandLine('npm start --', { dev: false });
