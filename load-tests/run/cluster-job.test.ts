import { describe, expect, test } from '@jest/globals';
import { jobObjects, splitLog } from './cluster-job.ts';

const options = {
  name: 'load-1',
  namespace: 'demo',
  image: 'k6',
  pullPolicy: 'IfNotPresent' as const,
  settings: { TARGET: 'http://demo-ingestion.demo.svc:3001' },
  deadlineSeconds: 100,
};
type Found = {
  kind: string;
  metadata: { name: string; labels: object };
  stringData?: Record<string, string>;
};

describe('a load’s objects', () => {
  test('hold every elector once, in order, in Secrets that Kubernetes takes', () => {
    const electors = Array.from(
      { length: 120_000 },
      (_, i) => `${100_000_000 + i},QZ${String(i).padStart(6, '0')}`,
    );
    const objects = jobObjects({ ...options, electors }) as Found[];
    const secrets = objects.filter(({ kind }) => kind === 'Secret');
    const files = secrets.map(({ stringData }) => Object.values(stringData!)[0]!);
    expect(secrets.length).toBeGreaterThan(1);
    for (const file of files) expect(Buffer.byteLength(file)).toBeLessThan(1_048_576);
    expect(files.flatMap((file) => file.trimEnd().split('\n').slice(1))).toEqual(electors);
    const job = JSON.stringify(objects.find(({ kind }) => kind === 'Job'));
    for (const [i] of secrets.entries()) expect(job).toContain(`/roll/roll-${i}.csv`);
  });

  test('all bear the label by which they are removed again', () => {
    for (const { metadata } of jobObjects({ ...options, electors: ['1,A'] }) as Found[])
      expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/instance': 'load-1' });
  });
});

describe('the log of a load', () => {
  const summary = '{\n  "metrics": { "accepted_voters": { "count": 3 } }\n}';

  test('is told apart into the text for people and the summary', () => {
    const text = 'checks: {not json}\n{\n  "no": 1\n}\nTOTAL\n';
    expect(splitLog(`${text}${summary}\n`)).toEqual({ text, summary });
  });

  test('without a summary is an error', () => {
    expect(() => splitLog('level=error msg="no such file"\n')).toThrow('no summary');
  });
});
