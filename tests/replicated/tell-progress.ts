import { writeFileSync } from 'node:fs';

/** What jest tells its reporters (@jest/reporters), as far as it is used here. */
interface File {
  path: string;
}
interface Case {
  fullName: string;
}
interface CaseResult extends Case {
  status: string;
  duration?: number | null;
}

/**
 * A reporter for jest: a line for each test when it ends, and in the file that PROGRESS_FILE names what goes on now, so
 * that whoever ends a run that hangs can say where it was.
 */
export default class TellProgress {
  onTestFileStart({ path }: File): void {
    this.#now(`${path}, before its first test`);
  }

  onTestCaseStart({ path }: File, { fullName }: Case): void {
    this.#now(`${path}: ${fullName}`);
  }

  onTestCaseResult({ path }: File, { fullName, status, duration }: CaseResult): void {
    process.stderr.write(`… ${status}: ${fullName} (${((duration ?? 0) / 1000).toFixed(1)} s)\n`);
    this.#now(`${path}, after the test: ${fullName}`);
  }

  onRunComplete(): void {
    this.#now('nothing: all tests are done, but something is left open that keeps jest from ending');
  }

  #now(doing: string): void {
    const { PROGRESS_FILE } = process.env;
    if (PROGRESS_FILE) writeFileSync(PROGRESS_FILE, `${doing}, since ${new Date().toISOString()}`);
  }
}
