import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Checks, say } from './checks.ts';

const TEST_CASE = /<testcase classname="([^"]*)" name="([^"]*)"[^>]*?(\/>|>([\s\S]*?)<\/testcase>)/g;

/** Runs the chart's helm-unittest suites (`tests/*_test.yaml`); each of their tests is a check. */
export async function testUnits(checks: Checks, unittest: string, chart: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'scrutin-charts-'));
  try {
    const report = join(folder, 'report.xml');
    const args = ['--strict', '--output-type', 'JUnit', '--output-file', report, chart];
    const { code, out, err } = await say(unittest, args);
    const cases = [...read(report).matchAll(TEST_CASE)].map(([, suite, name, , body = '']) => ({
      name: unescaped(`${suite} ${name}`),
      failed: body.includes('<failure'),
    }));
    for (const { name, failed } of cases) checks.add(`unit: ${basename(chart)}, ${name}`, !failed);
    const failed = cases.some((one) => one.failed);
    if (code !== 0 || cases.length === 0) {
      // What is wrong stands in its own report, best readable.
      if (!failed) checks.add(`unit: ${basename(chart)}`, false, `${out}${err}`);
      else process.stdout.write(`${out}${err}\n`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const unescaped = (text: string): string =>
  text
    .replaceAll('&#39;', "'")
    .replaceAll('&#34;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
