import { runFromCommandLine } from './stack/run-command.ts';

/** `npm run dev`: as `npm start`, with hot reload, debug logs on the terminal and a debugger port a stage. */
await runFromCommandLine('npm run dev --', { dev: true });
