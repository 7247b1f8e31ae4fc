import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type PlannedVote, planVotes } from '../../load-tests/plan-votes.ts';
import { type CastVote, castVotes } from '../support/cast-votes.ts';
import { helm } from './support/cluster.ts';
import { countFaults } from './support/count-faults.ts';
import { InstalledElection } from './support/installed-election.ts';

const VOTERS = 100_000;
const VALID = 4_000;
const STAGES = ['ingestion', 'validation', 'aggregation', 'results'];
/** A user and group that no image knows, as some clusters give them to each namespace. */
const ANYBODY = 54_321;

describe('an election on a cluster', () => {
  let election: InstalledElection;
  let votes: PlannedVote[];
  let history: CastVote[];

  beforeAll(async () => {
    election = await InstalledElection.install({
      namespace: 'counting',
      voters: VOTERS,
      values: { podSecurity: { runAsUser: ANYBODY, runAsGroup: ANYBODY } },
    });
  });
  afterAll(() => election?.remove());

  test('with 100,000 voters on a volume, it reaches Open after it was applied', async () => {
    const begun = Date.now();
    await election.applyElection();
    const { electorate } = await election.untilPhase('Open');
    process.stderr.write(
      `  apply → Open with ${VOTERS} voters: ${((Date.now() - begun) / 1000).toFixed(1)} s\n`,
    );
    expect(electorate).toMatchObject({ unique: VOTERS });
    await election.untilReady();
  });

  test('votes through the Service are counted exactly: no second one, no stranger’s, no malformed one', async () => {
    ({ votes } = planVotes({
      electors: election.electors,
      laws: election.laws,
      valid: VALID,
      repeats: 0.05,
      ineligible: 0.03,
      malformed: 0.02,
    }));
    const begun = Date.now();
    history = await castVotes(election.ingestionUrl, votes, { lanes: 32 });
    const seconds = (Date.now() - begun) / 1000;
    process.stderr.write(`  ${votes.length} votes cast in ${seconds.toFixed(1)} s\n`);
    expect(await countFaults(election, votes, history)).toEqual([]);
  });

  test('kubectl get elections shows phase, voters, votes and turnout', async () => {
    await election.untilStatus(({ votes: counted }) => counted === VALID);
    const shown = await election.kubectl('get', 'elections');
    process.stderr.write(`${shown}\n`);
    const turnout = `${((100 * VALID) / (VOTERS * election.laws.length)).toFixed(2)}%`;
    expect(shown.split('\n')[1]).toMatch(
      new RegExp(`^${election.name} +Open +${VOTERS} +${VALID} +${turnout.replace('.', '\\.')} `),
    );
  });

  test('the stages run as whoever the cluster wants, on a root that nobody can write to', async () => {
    const script = `
      const tried = (path) => { try { fs.writeFileSync(path, ''); return 'written'; } catch (error) { return error.code; } };
      const paths = ['/app/x', '/app/services/x', '/x', '/tmp/x'];
      console.log(JSON.stringify([process.getuid(), process.getgid(), ...paths.map(tried)]));`;
    for (const stage of STAGES) {
      const said = await election.kubectl(
        'exec',
        `deploy/${election.name}-${stage}`,
        '--',
        'node',
        '-e',
        script,
      );
      expect([stage, ...JSON.parse(said)]).toEqual([
        stage,
        ANYBODY,
        ANYBODY,
        'EROFS',
        'EROFS',
        'EROFS',
        'written',
      ]);
    }
  });

  test('helm test finds every stage healthy', async () => {
    const said = await helm([
      'test',
      election.name,
      '--namespace',
      election.namespace,
      '--logs',
      '--timeout=3m',
    ]);
    expect(said).toMatch(/Phase: +Succeeded/);
    for (const stage of STAGES)
      expect(said).toMatch(new RegExp(`ok  ${stage} .* is healthy and serves ${election.name}`));
  });
});
